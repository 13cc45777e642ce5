/**
 * Batches of a server: files of requests that are answered by its own routes, on behalf of the key that sent them, a few at a time
 * beside what people wait for. All is in memory, as uploaded files are, and ends with the process. Of its input a batch holds nothing but its place in the file.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import {
  type JsonLimits,
  OcellusError,
  parseJson,
  type QueueOwner,
  Semaphore,
  stringifyJson,
} from "../core/base/index.js";
import { mapConcurrently } from "../evals/index.js";
import { type BatchAnswer, type BatchLine, batchAnswer, type WireBatch } from "../protocol/index.js";
import { batchRequests, checkBatchLines } from "./batch-lines.js";
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
  /** Bytes that the answers of all open batches may take while they are gathered; those of one fit among the files. */
  readonly maxOutputBytes: number;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
  readonly now?: () => number;
}

/** Batches that are kept to be asked about, of all keys together; the oldest that has ended makes room. */
const maxBatches = 1000;
/** Batches of one key that wait or run. */
const maxOpenBatches = 8;
/** Requests at once, of all batches together: as many as fill the running batch of a model of the default size. */
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
  /** What its answers take so far. */
  numBytes: number;
}

interface Outputs {
  readonly answers: Uint8Array[];
  readonly failures: Uint8Array[];
}

export class Batches {
  readonly #options: BatchesOptions;
  readonly #entries = new Map<string, Entry>();
  /** Inputs are checked one at a time: each holds the ids of its requests meanwhile. */
  readonly #checks = new Semaphore(1);
  /** Keys take turns at each request. */
  readonly #turns = new Semaphore(requestsAtOnce);

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** @throws `not_found` for no such file, `invalid_request` for one of another purpose, `overloaded`. */
  create(asker: BatchOwner, asked: Pick<WireBatch, "endpoint" | "input_file_id" | "metadata">): WireBatch {
    const { wire: file } = this.#options.files.get(asker.owner, asked.input_file_id);
    if (file.purpose !== "batch")
      throw new OcellusError("invalid_request", `input_file_id: expected a file for a batch, found ${file.purpose}`, {
        details: { param: "input_file_id", expected: "batch", found: file.purpose },
      });
    this.#makeRoom(asker.owner);
    const created_at = this.#seconds();
    const entry: Entry = {
      asker,
      controller: new AbortController(),
      numBytes: 0,
      wire: {
        ...{ id: `batch_${randomUUID().replaceAll("-", "")}`, object: "batch", ...asked, completion_window: "24h" },
        ...{ status: "validating", created_at, expires_at: created_at + windowSeconds },
        request_counts: { total: 0, completed: 0, failed: 0 },
      },
    };
    this.#entries.set(entry.wire.id, entry);
    void this.#run(entry);
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

  async #run(entry: Entry): Promise<void> {
    const { controller, asker, wire } = entry;
    const expiry = setTimeout(() => controller.abort("expired"), windowSeconds * 1000).unref();
    const signal = AbortSignal.any([controller.signal, this.#options.ending]);
    const outputs: Outputs = { answers: [], failures: [] };
    const input = () => {
      signal.throwIfAborted();
      return this.#options.files.get(asker.owner, wire.input_file_id).bytes;
    };
    try {
      await breathe(); // the answer to its creation goes out first
      const isValid = await this.#checks.run(() => this.#validate(entry, input), signal, 1, turnOf(entry));
      if (!isValid) return;
      await this.#answerAll(entry, batchRequests(input), outputs, signal);
      this.#finish(entry, outputs, { status: "completed", completed_at: this.#seconds() });
    } catch (error) {
      this.#finish(entry, outputs, this.#interrupted(entry, error));
    } finally {
      clearTimeout(expiry);
    }
  }

  /** @returns whether its input is right; otherwise the batch says why. */
  async #validate(entry: Entry, input: () => Uint8Array): Promise<boolean> {
    const { total, problems: data } = await checkBatchLines(input, entry.wire.endpoint);
    if (data.length === 0) this.#set(entry, { request_counts: { total, completed: 0, failed: 0 } });
    else this.#set(entry, { status: "failed", failed_at: this.#seconds(), errors: { object: "list", data } });
    return data.length === 0;
  }

  async #answerAll(
    entry: Entry,
    lines: AsyncGenerator<BatchLine>,
    outputs: Outputs,
    signal: AbortSignal,
  ): Promise<void> {
    this.#set(entry, { status: "in_progress", in_progress_at: this.#seconds() });
    const { maxConcurrent = requestsAtOnce } = entry.asker; // more would only hold turns while they wait for it
    await mapConcurrently(lines, Math.min(requestsAtOnce, maxConcurrent), async (line) => {
      try {
        this.#keep(entry, outputs, await this.#answer(line, entry, signal), signal);
      } catch (error) {
        entry.controller.abort(error); // with those that are being answered
        throw error;
      }
    });
  }

  #keep(entry: Entry, { answers, failures }: Outputs, answer: BatchAnswer, signal: AbortSignal): void {
    signal.throwIfAborted(); // an answer cut short is no answer
    const bytes = Buffer.from(`${stringifyJson(answer)}\n`);
    entry.numBytes += bytes.length;
    this.#checkMemory();
    signal.throwIfAborted();
    (answer.response.status_code === 200 ? answers : failures).push(bytes);
    const { total } = entry.wire.request_counts;
    this.#set(entry, { request_counts: { total, completed: answers.length, failed: failures.length } });
  }

  /** When there is no room, the key that holds most has the largest of its batches ended, as it would lose files. */
  #checkMemory(): void {
    const { maxOutputBytes: limit } = this.#options;
    const open = [...this.#entries.values()].filter(({ wire }) => isOpen(wire));
    const held = new Map<string, number>();
    for (const { asker, numBytes } of open) held.set(asker.owner, (held.get(asker.owner) ?? 0) + numBytes);
    if ([...held.values()].reduce((sum, numBytes) => sum + numBytes, 0) <= limit) return;
    const [largest] = [...held].reduce((a, b) => (b[1] > a[1] ? b : a));
    const own = open.filter(({ asker }) => asker.owner === largest);
    const { controller, numBytes } = own.reduce((a, b) => (b.numBytes > a.numBytes ? b : a));
    const text = `the answers of all running batches may take ${limit} bytes, and this one had most; split its input`;
    controller.abort(new OcellusError("too_large", text, { details: { limit, found: numBytes } }));
  }

  /** Asked again while there is no room: a batch has time. @throws `unauthorized` when its key was removed meanwhile. */
  async #answer({ custom_id, url, method, body }: BatchLine, entry: Entry, signal: AbortSignal): Promise<BatchAnswer> {
    const headers = { "content-type": "application/json", host: "localhost" };
    const init = { method, headers, body: stringifyJson(body), signal };
    const ask = async () => {
      const response = await this.#options.ask(new Request(new URL(url, "http://localhost"), init), entry.asker);
      return { response, text: await response.text() };
    };
    for (;;) {
      const { response, text } = await this.#turns.run(ask, signal, 1, turnOf(entry));
      const { status } = response;
      if (status === 401) throw new OcellusError("unauthorized", "the key that made this batch was removed");
      const id = response.headers.get("x-request-id") ?? "";
      if (status !== 429) return batchAnswer(custom_id, status, id, parseJson(text, answerLimits));
      await paused(1000 * Number(response.headers.get("retry-after")) || retryMs, signal);
    }
  }

  /** @returns what a batch is that could not be answered as a whole. */
  #interrupted({ controller, wire }: Entry, error: unknown): Partial<WireBatch> {
    const at = this.#seconds();
    const { reason = error } = controller.signal;
    if (reason === "expired") return { status: "expired", expired_at: at };
    if (wire.status === "cancelling") return { status: "cancelled", cancelled_at: at };
    const { code, message } = reason instanceof OcellusError ? reason : { code: "internal", message: "it was ended" };
    const errors = { object: "list" as const, data: [{ code, message, line: null, param: null }] };
    return { status: "failed", failed_at: at, errors };
  }

  /** What is answered is kept, however it ended. @param ended what the batch is once its files are there */
  #finish(entry: Entry, { answers, failures }: Outputs, ended: Partial<WireBatch>): void {
    const { files } = this.#options;
    const { asker, wire } = entry;
    // Of both at once: one must not push out the other.
    files.makeRoom([...answers, ...failures].reduce((sum, { length }) => sum + length, 0));
    const fileOf = (name: "output" | "error", lines: readonly Uint8Array[]) =>
      lines.length > 0 && {
        [`${name}_file_id`]: files.add(asker.owner, `${wire.id}_${name}.jsonl`, "batch_output", Buffer.concat(lines))
          .id,
      };
    const finalizing_at = this.#seconds();
    this.#set(entry, { finalizing_at, ...fileOf("output", answers), ...fileOf("error", failures), ...ended });
  }

  #set(entry: Entry, change: Partial<WireBatch>): void {
    entry.wire = { ...entry.wire, ...change };
  }

  #seconds(): number {
    return Math.floor((this.#options.now ?? Date.now)() / 1000);
  }
}

function turnOf({ asker, wire }: Entry): QueueOwner {
  return { owner: asker.owner, request: wire.id };
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
