/** Events from the engine's loop to one consumer, who may be slower; what waits is bounded by the request's maxTokens. */

interface Reader<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}

/**
 * Not an async generator: `return()` must reach the engine at once, also before the first `next()` and while one is
 * pending, where a generator's would be dropped or wait for the next token.
 */
export class EventStream<T> implements AsyncIterableIterator<T> {
  readonly #events: T[] = [];
  readonly #readers: Reader<T>[] = [];
  readonly #onLeave: () => void;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** `onLeave` is told when the consumer stops reading before the end. */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader) reader.resolve({ value: event, done: false });
    else this.#events.push(event);
  }

  /** No more events; with an error, the consumer gets it after those that wait. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (error !== undefined) this.#failure = { error };
    for (const { resolve, reject } of this.#readers.splice(0)) this.next().then(resolve, reject);
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#events.length > 0) return { value: this.#events.shift()!, done: false };
    if (!this.#ended) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const failure = this.#failure;
    this.#failure = undefined; // an iterator that has thrown is done
    if (failure) throw failure.error;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<T>> {
    if (!this.#ended) this.#onLeave();
    this.#events.length = 0;
    this.#failure = undefined;
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
