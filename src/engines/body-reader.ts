/**
 * The body of an engine's answer, piece by piece: within a bound, and within a time that counts only while the engine is waited
 * for. A reader that takes its time costs the engine none of its own.
 */
import type { IncomingMessage } from "node:http";
import { aborted, OcellusError } from "../core/base/index.js";
import { type EngineStage, engineFailure, networkFailure } from "./failure.js";
import { timeout } from "./http.js";

export interface BodyOptions {
  readonly engine: string;
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Between the last event and the end of the body: a packet, mostly the same. */
const endMs = 1_000;
const maxEndPieces = 16;

export class BodyReader {
  readonly #response: IncomingMessage;
  readonly #options: BodyOptions;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #onAbort: () => void;
  #numBytes = 0;
  #limitMs = 0;
  #leftMs = 0;
  #failure: OcellusError | undefined;
  stage: EngineStage = "firstToken";

  constructor(response: IncomingMessage, options: BodyOptions) {
    this.#response = response;
    this.#options = options;
    this.#pieces = response[Symbol.asyncIterator]();
    const { signal } = options;
    this.#onAbort = () => this.fail(aborted(signal));
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The engine has so long from now on. */
  allow(ms: number): void {
    this.#limitMs = ms;
    this.#leftMs = ms;
  }

  /** @returns undefined at the end @throws `unavailable`, `timeout`, `aborted` */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#failure) throw this.#failure;
    const { engine, maxBytes } = this.#options;
    const started = performance.now();
    const timer = setTimeout(() => this.fail(timeout(engine, this.stage, this.#limitMs)), this.#leftMs);
    try {
      const { done, value } = await this.#pieces.next();
      if (this.#failure) throw this.#failure;
      if (done) return undefined;
      this.#numBytes += value.length;
      if (this.#numBytes > maxBytes) throw this.#endless();
      return value;
    } catch (cause) {
      if (this.#failure || cause instanceof OcellusError) throw this.#failure ?? cause;
      throw networkFailure(cause, engine, this.stage);
    } finally {
      clearTimeout(timer);
      this.#leftMs = Math.max(1, this.#leftMs - (performance.now() - started));
    }
  }

  fail(error: OcellusError): void {
    this.#failure ??= error;
    this.#response.destroy();
  }

  /** Lets go of it. One that was read to its end gives its connection back; any other is cut, and the engine stops writing. */
  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    if (!this.#response.readableEnded) this.#response.destroy();
  }

  /** As `close`, where the answer is whole and only the end of its body is missing: that is read without being waited for. */
  finish(): void {
    this.allow(endMs);
    const end = async () => {
      for (let pieces = 0; pieces < maxEndPieces; pieces++) if ((await this.next()) === undefined) return;
    };
    void end()
      .catch(() => {})
      .finally(() => this.close());
  }

  #endless(): OcellusError {
    const { engine, maxBytes } = this.#options;
    const details = { maxBytes };
    const problem = `sends more than any answer is: over ${maxBytes} bytes`;
    return engineFailure(problem, { engine, stage: this.stage, fault: "endless", details });
  }
}
