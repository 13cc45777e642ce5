/**
 * Batches of a server: files of requests that are answered by its own routes, on behalf of the key that sent them, a few at a time
 * beside what people wait for. All is in memory, as uploaded files are, and ends with the process.
 */
import { randomUUID } from "node:crypto";
import { type JsonLimits, OcellusError, parseJson, Semaphore, stringifyJson } from "../core/base/index.js";
import { mapConcurrently } from "../evals/index.js";
import { type BatchAnswer, type BatchLine, batchAnswer, type WireBatch } from "../protocol/index.js";
import { readBatchLines } from "./batch-lines.js";
import type { FileStore } from "./files.js";

/** On whose behalf a batch asks. */
export interface BatchOwner {
  readonly owner: string;
  readonly maxConcurrent: number | undefined;
}

type Ask = (request: Request, asker: BatchOwner) => Promise<Response>;

interface BatchesOptions {
  readonly files: FileStore;
  /** A request of a batch, through the server's routes. */
  readonly ask: Ask;
  /** Bytes that the answers of one batch may take while they are gathered. */
  readonly maxOutputBytes: number;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
  readonly now?: () => number;
}

/** Batches that are kept to be asked about, of all keys together; the oldest that has ended makes room. */
const maxBatches = 1000;
/** Batches of one key that wait or run. */
const maxOpenBatches = 8;
/** Requests of a batch at once: as many as fill the running batch of a model of the default size. */
const requestsAtOnce = 8;
const windowSeconds = 24 * 3600;
/** Where nothing says when to ask again. */
const retryMs = 1000;

/** Our own answers: log-probabilities of 20 tokens beside each of 32,768, or 2048 vectors of 4096 numbers. */
const answerLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 24, maxKeys: 2 ** 22 };

interface Entry {
  wire: WireBatch;
  readonly asker: BatchOwner;
  readonly controller: AbortController;
}

interface Outputs {
  readonly answers: string[];
  readonly failures: string[];
  numBytes: number;
}

export class Batches {
  readonly #options: BatchesOptions;
  readonly #entries = new Map<string, Entry>();
  /** One batch at a time; keys take turns. */
  readonly #turns = new Semaphore(1);

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** @throws `not_found` for no such file, `invalid_request` for one of another purpose, `overloaded`. */
  create(asker: BatchOwner, asked: Pick<WireBatch, "endpoint" | "input_file_id" | "metadata">): WireBatch {
    const { wire: file, bytes } = this.#options.files.get(asker.owner, asked.input_file_id);
    if (file.purpose !== "batch")
      throw new OcellusError("invalid_request", `input_file_id: expected a file for a batch, found ${file.purpose}`, {
        details: { param: "input_file_id", expected: "batch", found: file.purpose },
      });
    this.#makeRoom(asker.owner);
    const created_at = this.#seconds();
    const entry: Entry = {
      asker,
      controller: new AbortController(),
      wire: {
        ...{ id: `batch_${randomUUID().replaceAll("-", "")}`, object: "batch", ...asked, completion_window: "24h" },
        ...{ status: "validating", created_at, expires_at: created_at + windowSeconds },
        request_counts: { total: 0, completed: 0, failed: 0 },
      },
    };
    this.#entries.set(entry.wire.id, entry);
    void this.#run(entry, bytes);
    return entry.wire;
  }

  /** Those of others are as if they were not there. @throws `not_found`. */
  get(owner: string, id: string): WireBatch {
    return this.#entry(owner, id).wire;
  }

  /** Newest first. */
  list(owner: string): WireBatch[] {
    return [...this.#entries.values()].flatMap(({ wire, asker }) => (asker.owner === owner ? [wire] : [])).reverse();
  }

  /** What is answered stays answered. One that has ended stays as it is. @throws `not_found`. */
  cancel(owner: string, id: string): WireBatch {
    const entry = this.#entry(owner, id);
    if (isOpen(entry.wire) && entry.wire.status !== "cancelling") {
      this.#set(entry, { status: "cancelling", cancelling_at: this.#seconds() });
      entry.controller.abort();
    }
    return entry.wire;
  }

  #entry(owner: string, id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry?.asker.owner === owner) return entry;
    throw new OcellusError("not_found", `there is no batch ${JSON.stringify(id.slice(0, 60))}`, {
      details: { param: "batch_id" },
    });
  }

  #makeRoom(owner: string): void {
    const open = [...this.#entries.values()].filter(({ wire }) => isOpen(wire));
    const numOwn = open.filter(({ asker }) => asker.owner === owner).length;
    if (numOwn >= maxOpenBatches || open.length >= maxBatches)
      throw new OcellusError(
        "overloaded",
        `at most ${maxOpenBatches} batches of one key wait or run; ask again later`,
        {
          details: { limit: maxOpenBatches, found: numOwn, retryAfterMs: 60_000 },
        },
      );
    for (const [id, { wire }] of this.#entries) {
      if (this.#entries.size < maxBatches) return;
      if (!isOpen(wire)) this.#entries.delete(id);
    }
  }

  async #run(entry: Entry, bytes: Uint8Array): Promise<void> {
    const { controller, asker } = entry;
    const expiry = setTimeout(() => controller.abort("expired"), windowSeconds * 1000).unref();
    const signal = AbortSignal.any([controller.signal, this.#options.ending]);
    const outputs: Outputs = { answers: [], failures: [], numBytes: 0 };
    try {
      await new Promise<void>((turn) => setImmediate(turn)); // whoever creates one is told so first
      const lines = this.#validated(entry, bytes);
      if (!lines) return;
      const turn = { owner: asker.owner, request: entry.wire.id };
      await this.#turns.run(() => this.#answerAll(entry, lines, outputs, signal), signal, 1, turn);
      this.#finish(entry, outputs, { status: "completed", completed_at: this.#seconds() });
    } catch (error) {
      this.#interrupted(entry, outputs, error);
    } finally {
      clearTimeout(expiry);
    }
  }

  /** The requests; undefined where the input is wrong, and the batch says why. */
  #validated(entry: Entry, bytes: Uint8Array): BatchLine[] | undefined {
    const { lines, problems } = readBatchLines(new TextDecoder().decode(bytes), entry.wire.endpoint);
    if (problems.length === 0) {
      this.#set(entry, { request_counts: { total: lines.length, completed: 0, failed: 0 } });
      return lines;
    }
    const errors = { object: "list" as const, data: problems };
    this.#set(entry, { status: "failed", failed_at: this.#seconds(), errors });
    return undefined;
  }

  async #answerAll(entry: Entry, lines: readonly BatchLine[], outputs: Outputs, signal: AbortSignal): Promise<void> {
    this.#set(entry, { status: "in_progress", in_progress_at: this.#seconds() });
    await mapConcurrently(lines, requestsAtOnce, async (line) => {
      const answer = await this.#answer(line, entry.asker, signal);
      signal.throwIfAborted(); // an answer cut short is no answer
      const isAnswer = answer.response.status_code === 200;
      const text = stringifyJson(answer);
      outputs.numBytes += text.length;
      if (outputs.numBytes > this.#options.maxOutputBytes)
        throw new OcellusError(
          "too_large",
          `the answers of a batch may take ${this.#options.maxOutputBytes} bytes; split its input`,
        );
      (isAnswer ? outputs.answers : outputs.failures).push(text);
      const { total } = entry.wire.request_counts;
      const [completed, failed] = [outputs.answers.length, outputs.failures.length];
      this.#set(entry, { request_counts: { total, completed, failed } });
    });
  }

  /** Asked again while there is no room: a batch has time. */
  async #answer(
    { custom_id, url, method, body }: BatchLine,
    asker: BatchOwner,
    signal: AbortSignal,
  ): Promise<BatchAnswer> {
    for (;;) {
      const headers = { "content-type": "application/json", host: "localhost" };
      const init = { method, headers, body: stringifyJson(body), signal };
      const response = await this.#options.ask(new Request(new URL(url, "http://localhost"), init), asker);
      const text = await response.text();
      const id = response.headers.get("x-request-id") ?? "";
      if (response.status !== 429) return batchAnswer(custom_id, response.status, id, parseJson(text, answerLimits));
      await paused(1000 * Number(response.headers.get("retry-after")) || retryMs, signal);
    }
  }

  #interrupted(entry: Entry, outputs: Outputs, error: unknown): void {
    const at = this.#seconds();
    const { reason, aborted } = entry.controller.signal;
    if (aborted && reason === "expired") this.#finish(entry, outputs, { status: "expired", expired_at: at });
    else if (aborted) this.#finish(entry, outputs, { status: "cancelled", cancelled_at: at });
    else {
      const { code, message } = error instanceof OcellusError ? error : { code: "internal", message: "it was ended" };
      const data = [{ code, message, line: null, param: null }];
      this.#set(entry, { status: "failed", failed_at: at, errors: { object: "list", data } });
    }
  }

  /** @param ended what the batch is once its files are there */
  #finish(entry: Entry, { answers, failures }: Outputs, ended: Partial<WireBatch>): void {
    this.#set(entry, {
      ...(entry.wire.status === "in_progress" && { status: "finalizing" }),
      finalizing_at: this.#seconds(),
    });
    const { files } = this.#options;
    const { owner } = entry.asker;
    const { id } = entry.wire;
    const fileOf = (name: string, lines: readonly string[]) => {
      if (lines.length === 0) return undefined;
      const bytes = new TextEncoder().encode(`${lines.join("\n")}\n`);
      return files.add(owner, `${id}_${name}.jsonl`, "batch_output", bytes).id;
    };
    try {
      const [output_file_id, error_file_id] = [fileOf("output", answers), fileOf("error", failures)];
      this.#set(entry, {
        ...(output_file_id !== undefined && { output_file_id }),
        ...(error_file_id !== undefined && { error_file_id }),
        ...ended,
      });
    } catch (error) {
      entry.controller.abort(); // of no use any more
      const { code, message } = error as OcellusError;
      const errors = { object: "list" as const, data: [{ code, message, line: null, param: null }] };
      this.#set(entry, { status: "failed", failed_at: this.#seconds(), errors });
    }
  }

  #set(entry: Entry, change: Partial<WireBatch>): void {
    entry.wire = { ...entry.wire, ...change };
  }

  #seconds(): number {
    return Math.floor((this.#options.now ?? Date.now)() / 1000);
  }
}

function isOpen({ status }: WireBatch): boolean {
  return ["validating", "in_progress", "finalizing", "cancelling"].includes(status);
}

function paused(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
