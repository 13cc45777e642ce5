/** The end of a server: no new requests, time for the running ones, then an end for all. */
import { OcellusError } from "../core/base/index.js";

/** A request, as far as its end is concerned. */
interface Running {
  abort(reason: unknown): void;
}

export class Lifecycle {
  readonly #running = new Set<Running>();
  #onIdle: (() => void) | undefined;
  readonly #draining = new AbortController();

  get isDraining(): boolean {
    return this.draining.aborted;
  }

  /** Aborted when the draining begins: what nothing waits for ends at once. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  begin(context: Running): void {
    this.#running.add(context);
  }

  /** New questions would keep a draining server forever. @throws `unavailable` with `details.retryAfterMs`. */
  admit(): void {
    if (this.isDraining) throw stopping();
  }

  end(context: Running): void {
    this.#running.delete(context);
    if (this.#running.size === 0) this.#onIdle?.();
  }

  /** Resolves when every request has been answered; what runs after `drainMs` is ended. */
  async drain(drainMs: number): Promise<void> {
    this.#draining.abort();
    if (this.#running.size === 0) return;
    const timer = setTimeout(() => {
      for (const context of this.#running) context.abort(stopping());
    }, drainMs);
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    clearTimeout(timer);
  }
}

/** As long as a server behind the same address takes to start. */
const retryAfterMs = 5000;

function stopping(): OcellusError {
  return new OcellusError("unavailable", "the server is being stopped; ask again in a moment", {
    details: { retryAfterMs },
  });
}
