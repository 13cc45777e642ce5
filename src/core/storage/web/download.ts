/**
 * Fetches the parts of a model that are not stored: by range requests, or in one stream from a server without ranges. Every part
 * is checked by its digest before it is stored. What the network breaks off is tried again; a server that sends something else
 * than packed.json describes is refused.
 */
import { aborted, OcellusError, Semaphore, throwIfAborted, untilAborted } from "../../base/index.js";
import type { Environment, FetchInit } from "./environment.js";
import { type FileList, type ListedFile, type Part, partEntry, partsOf, sha256 } from "./file-list.js";
import { PieceReader } from "./piece-reader.js";

export interface DownloadOptions {
  /** Ends in a slash. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** Bytes that arrived; negative when they have to be fetched again. */
  readonly onBytes: (bytes: number) => void;
}

/** Browsers open six connections to a host over HTTP/1.1; the page needs some of its own. */
const maxRequests = 4;
/** With waits of 0.5, 1, 2 and 4 seconds between them: a change of networks takes a few seconds. */
const maxAttempts = 5;
const firstWaitMs = 500;
/** A connection that is silent for so long is dead: proxies close theirs after 60 s. */
const silenceMs = 60_000;

export class Downloader {
  readonly #environment: Environment;
  readonly #options: DownloadOptions;
  readonly #list: FileList;
  /** Digests of parts that are neither stored nor given up. */
  readonly #missing: Set<string>;
  readonly #requests = new Semaphore(maxRequests);
  readonly #etags = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor(list: FileList, missing: Iterable<string>, environment: Environment, options: DownloadOptions) {
    this.#list = list;
    this.#missing = new Set(missing);
    this.#environment = environment;
    this.#options = options;
  }

  /** Returns when all is stored. The first failure ends the other requests. @throws `invalid_file`, `not_found`, `unauthorized`, `too_large`, `io`, `timeout`, `aborted`. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    throwIfAborted(signal);
    const stop = () => this.#stop.abort();
    signal?.addEventListener("abort", stop, { once: true });
    const files = this.#list.list.map((file) => this.#file(file));
    try {
      await Promise.all(files);
    } catch (error) {
      stop();
      await Promise.allSettled(files);
      throw signal?.aborted ? aborted(signal) : error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** The first part alone: a server without ranges answers it with the whole file. */
  async #file(file: ListedFile): Promise<void> {
    const [first, ...rest] = partsOf(file, this.#list).filter(({ digest }) => this.#missing.has(digest));
    if (first) await this.#part(first);
    await Promise.all(rest.map((part) => this.#part(part)));
  }

  #part(part: Part): Promise<void> {
    return this.#requests.run(async () => {
      for (let attempt = 1; this.#missing.has(part.digest); attempt++) {
        throwIfAborted(this.#stop.signal);
        try {
          await this.#fetch(part);
        } catch (error) {
          throwIfAborted(this.#stop.signal);
          if (!isBrokenOff(error) || attempt === maxAttempts) throw error;
          await untilAborted(this.#environment.sleep(firstWaitMs * 2 ** (attempt - 1)), this.#stop.signal);
        }
      }
    });
  }

  async #fetch(part: Part): Promise<void> {
    const { file, start, sizeBytes } = part;
    const isWhole = sizeBytes === file.bytes;
    const range = isWhole ? {} : { range: `bytes=${start}-${start + sizeBytes - 1}` };
    const watch = new SilenceWatch(this.#stop.signal);
    const counted = new CountedBytes(this.#options.onBytes);
    try {
      const response = await this.#request(this.#urlOf(file), range, watch.signal);
      this.#checkSame(file, response);
      const reader = new PieceReader(response.body, (bytes) => {
        watch.heard();
        counted.add(bytes);
      });
      if (response.status === 206 && !isWhole) {
        checkRange(part, response);
        await this.#store(part, reader);
        counted.keep();
      } else await this.#storeAll(file, reader, counted);
      await reader.expectEnd(file.name);
    } catch (error) {
      throw watch.isSilent ? silent(file) : error;
    } finally {
      counted.takeBack();
      watch.end();
    }
  }

  /** Every part of the file, as one answer brings it. */
  async #storeAll(file: ListedFile, reader: PieceReader, counted: CountedBytes): Promise<void> {
    for (const part of partsOf(file, this.#list)) {
      if (this.#missing.has(part.digest)) {
        await this.#store(part, reader);
        counted.keep();
      } else {
        await reader.piece(part.sizeBytes, file.name);
        counted.takeBack();
      }
    }
  }

  async #store({ digest, file, start, sizeBytes }: Part, reader: PieceReader): Promise<void> {
    const bytes = await reader.piece(sizeBytes, file.name);
    const found = await sha256(bytes);
    if (found !== digest)
      throw new OcellusError(
        "invalid_file",
        `${this.#urlOf(file)}, bytes ${start} to ${start + sizeBytes}: expected SHA-256 ${digest}, found ${found}; the server has another file than its packed.json describes, upload the whole folder again`,
        { details: { file: file.name, start, expected: digest, found } },
      );
    await this.#environment.store.write(partEntry(digest), bytes);
    this.#missing.delete(digest);
  }

  async #request(url: string, range: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    // Stored by us: the browser's own cache would hold a second copy, or answer with what the server no longer has.
    const init: FetchInit = { headers: { ...this.#options.headers, ...range }, signal, cache: "no-store" };
    return request(this.#environment, url, init);
  }

  #urlOf(file: ListedFile): string {
    return this.#options.baseUrl + encodeURIComponent(file.name);
  }

  /** Parts of two versions of a file would not fit together; the digest of the next part would say less. */
  #checkSame(file: ListedFile, response: Response): void {
    const etag = response.headers.get("etag");
    const before = this.#etags.get(file.name);
    if (etag !== null && before === undefined) this.#etags.set(file.name, etag);
    if (etag === null || before === undefined || etag === before) return;
    throw new OcellusError(
      "invalid_file",
      `${this.#urlOf(file)} changed on the server while it was downloaded (ETag ${before}, then ${etag}); open the model again`,
      { details: { file: file.name, expected: before, found: etag } },
    );
  }
}

/** A response of status 200 or 206. @throws `io` when there is none or it is worth another attempt; `not_found`, `unauthorized`, `invalid_file` by status. */
export async function request({ fetch }: Environment, url: string, init: FetchInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause: unknown) => {
    throw new OcellusError("io", `cannot reach ${url}: ${(cause as Error).message}`, { details: { url }, cause });
  });
  const { status } = response;
  if (status === 200 || status === 206) return response;
  await response.body?.cancel().catch(() => {});
  const codes = { 401: "unauthorized", 403: "unauthorized", 404: "not_found", 410: "not_found" } as const;
  const isPassing = status >= 500 || status === 408 || status === 429;
  const code = codes[status as keyof typeof codes] ?? (isPassing ? "io" : "invalid_file");
  throw new OcellusError(code, `${url}: expected the file, found status ${status}`, { details: { url, status } });
}

function isBrokenOff(error: unknown): boolean {
  return error instanceof OcellusError && (error.code === "io" || error.code === "timeout");
}

/** A page of another origin does not see the header unless the server exposes it; then the digest alone decides. */
function checkRange({ file, start, sizeBytes }: Part, response: Response): void {
  const found = response.headers.get("content-range");
  const range = `bytes ${start}-${start + sizeBytes - 1}`;
  const expected = `${range}/${file.bytes}`;
  if (found === expected || found === `${range}/*` || (found === null && response.type === "cors")) return;
  throw new OcellusError(
    "invalid_file",
    `${file.name}: expected Content-Range ${expected}, found ${found ?? "none"}; the server has another file than its packed.json describes, or a proxy changes ranges`,
    { details: { file: file.name, expected, found } },
  );
}

function silent({ name }: ListedFile): OcellusError {
  return new OcellusError("timeout", `${name}: the server sent nothing for ${silenceMs / 1000} s`, {
    details: { file: name },
  });
}

/** Ends a request that has gone silent. */
class SilenceWatch {
  readonly #controller = new AbortController();
  readonly #stop: AbortSignal;
  readonly #abort = () => this.#controller.abort();
  #timer: ReturnType<typeof setTimeout> | undefined;
  isSilent = false;

  constructor(stop: AbortSignal) {
    this.#stop = stop;
    stop.addEventListener("abort", this.#abort, { once: true });
    if (stop.aborted) this.#abort();
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isSilent = true;
      this.#abort();
    }, silenceMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#stop.removeEventListener("abort", this.#abort);
    this.#abort(); // what has not been read of the answer is not wanted
  }
}

/** Progress that is taken back when what arrived is not kept. */
class CountedBytes {
  readonly #onBytes: (bytes: number) => void;
  #open = 0;

  constructor(onBytes: (bytes: number) => void) {
    this.#onBytes = onBytes;
  }

  add(bytes: number): void {
    this.#open += bytes;
    this.#onBytes(bytes);
  }

  keep(): void {
    this.#open = 0;
  }

  takeBack(): void {
    if (this.#open > 0) this.#onBytes(-this.#open);
    this.#open = 0;
  }
}
