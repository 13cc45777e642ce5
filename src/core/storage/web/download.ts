/**
 * Fetches the parts of a model that are not stored: by range requests, or in one stream from a server without ranges. Every part
 * is checked by its digest before it is stored. What the network breaks off is tried again; a server that sends something else
 * than packed.json describes is refused.
 */
import { aborted, OcellusError, Semaphore, throwIfAborted } from "../../base/index.js";
import { silenceMs, whileHeard, withAttempts } from "./attempts.js";
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

export class Downloader {
  readonly #environment: Environment;
  readonly #options: DownloadOptions;
  readonly #list: FileList;
  /** Digests of parts that are neither stored nor given up. */
  readonly #missing: Set<string>;
  /** Bytes of missing parts that have arrived, by digest. */
  readonly #arrived = new Map<string, number>();
  readonly #requests = new Semaphore(maxRequests);
  /** By digest. */
  readonly #parts = new Map<string, Promise<void>>();
  /** Files that the server answers whole whatever part is asked for: one request at a time, for it brings them all. */
  readonly #whole = new Map<ListedFile, Semaphore>();
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

  /** The first part alone: its answer shows whether the server has ranges. */
  async #file(file: ListedFile): Promise<void> {
    const [first, ...rest] = partsOf(file, this.#list).filter(({ digest }) => this.#missing.has(digest));
    if (first) await this.#part(first);
    await Promise.all(rest.map((part) => this.#part(part)));
  }

  /** Equal parts, of one file or of several, are one. */
  #part(part: Part): Promise<void> {
    const begun = this.#parts.get(part.digest) ?? this.#attempts(part);
    this.#parts.set(part.digest, begun);
    return begun;
  }

  #attempts(part: Part): Promise<void> {
    const { signal } = this.#stop;
    return withAttempts(this.#environment, signal, async () => {
      const work = () => this.#requests.run(() => this.#fetch(part), signal);
      await (this.#whole.get(part.file)?.run(work, signal) ?? work());
    });
  }

  async #fetch(part: Part): Promise<void> {
    const { file, start, sizeBytes, digest } = part;
    if (!this.#missing.has(digest)) return; // an answer with the whole file brought it
    const isWhole = sizeBytes === file.bytes;
    const range = isWhole ? {} : { range: `bytes=${start}-${start + sizeBytes - 1}` };
    const watched = { name: file.name, signal: this.#stop.signal, waitMs: silenceMs };
    await whileHeard(watched, async ({ signal, heard }) => {
      const response = await this.#request(this.#urlOf(file), range, signal);
      this.#checkSame(file, response);
      const reader = new PieceReader(response.body, heard);
      if (response.status === 206 && !isWhole) {
        checkRange(part, response);
        await this.#store(part, reader);
      } else await this.#storeAll(file, reader);
      await reader.expectEnd(file.name);
    });
  }

  /** Every part of the file, as one answer brings it. */
  async #storeAll(file: ListedFile, reader: PieceReader): Promise<void> {
    if (!this.#whole.has(file)) this.#whole.set(file, new Semaphore(1));
    for (const part of partsOf(file, this.#list)) {
      if (this.#missing.has(part.digest)) await this.#store(part, reader);
      else await reader.piece(part.sizeBytes, file.name);
    }
  }

  async #store(part: Part, reader: PieceReader): Promise<void> {
    const { digest, file, sizeBytes } = part;
    try {
      let numBytes = 0;
      const bytes = await reader.piece(sizeBytes, file.name, (arrived) => {
        numBytes += arrived;
        this.#count(digest, numBytes);
      });
      await this.#check(part, bytes);
      await this.#environment.store.write(partEntry(digest), bytes);
      this.#count(digest, sizeBytes);
      this.#missing.delete(digest);
    } catch (error) {
      this.#count(digest, 0);
      throw error;
    }
  }

  /** Bytes of a missing part that have arrived. Two answers with whole files may bring equal parts at once: that is one part. */
  #count(digest: string, numBytes: number): void {
    if (!this.#missing.has(digest)) return;
    this.#options.onBytes(numBytes - (this.#arrived.get(digest) ?? 0));
    this.#arrived.set(digest, numBytes);
  }

  async #check({ digest, file, start, sizeBytes }: Part, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const found = await sha256(bytes);
    if (found === digest) return;
    throw new OcellusError(
      "invalid_file",
      `${this.#urlOf(file)}, bytes ${start} to ${start + sizeBytes}: expected SHA-256 ${digest}, found ${found}; the server has another file than its packed.json describes, upload the whole folder again`,
      { details: { file: file.name, start, expected: digest, found } },
    );
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
