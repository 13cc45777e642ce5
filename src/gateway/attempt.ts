/**
 * One request at one backend, up to its first event: there it is known whether another backend may still be asked. Ends what runs
 * at the engine however it is left.
 */
import { OcellusError } from "../core/base/index.js";
import type { Report } from "./backend.js";
import type { Outcome } from "./circuit.js";

/** The request itself is at fault, or its caller has left: another backend would say the same. */
const faultsOfRequest: readonly OcellusError["code"][] = [
  ...(["invalid_request", "invalid_image", "unsupported", "too_large", "blocked", "aborted"] as const),
];

export class Attempt<E> {
  /** Of the backend. */
  readonly name: string;
  readonly #end: (report: Report) => void;
  readonly #events: AsyncGenerator<E>;
  readonly #leaving = new AbortController();
  readonly #started = performance.now();
  #firstTokenMs: number | undefined;
  #hasEnded = false;
  /** The first event; rejects with what may be tried elsewhere. */
  readonly first: Promise<E>;

  /** @param end called once, with how it went */
  constructor(
    name: string,
    ask: (signal: AbortSignal) => AsyncGenerator<E>,
    end: (report: Report) => void,
    signal: AbortSignal | undefined,
  ) {
    this.name = name;
    this.#end = end;
    const leaving = this.#leaving.signal;
    this.#events = ask(signal ? AbortSignal.any([signal, leaving]) : leaving);
    this.first = this.#begin();
    this.first.catch(() => {}); // a hedge that has lost has no reader
  }

  async #begin(): Promise<E> {
    try {
      const { value, done } = await this.#events.next();
      if (done)
        throw new OcellusError("unavailable", "the engine answered nothing", { details: { engine: this.name } });
      this.#firstTokenMs = performance.now() - this.#started;
      return value;
    } catch (error) {
      this.#settle(reportOf(error));
      throw error;
    }
  }

  /** All events; the first is known. */
  async *events(): AsyncGenerator<E> {
    try {
      yield await this.first;
      yield* this.#events;
      this.#settle({ outcome: "success" });
    } catch (error) {
      this.#settle(reportOf(error));
      throw error;
    } finally {
      this.leave();
    }
  }

  /** It has no reader any more: ends it at the engine too. */
  leave(): void {
    this.#settle({ outcome: "neutral" });
    this.#leaving.abort();
    void this.#events.return(undefined).catch(() => {});
  }

  #settle(report: Report): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#end({ ...report, firstTokenMs: this.#firstTokenMs });
  }
}

function reportOf(error: unknown): Report {
  return { outcome: outcomeOf(error), ...(error instanceof OcellusError && { error }) };
}

/** Full is no failure. What is not ours (a bug of this process) is none of the backend's either. */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof OcellusError)) return "neutral";
  return error.code === "overloaded" || faultsOfRequest.includes(error.code) ? "neutral" : "failure";
}

/** Whether another backend may do better. */
export function mayBeRepeated(error: unknown): error is OcellusError {
  return error instanceof OcellusError && !faultsOfRequest.includes(error.code);
}
