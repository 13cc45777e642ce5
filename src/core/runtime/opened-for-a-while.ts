/** What is dear to open and dear to keep: opened when it is first wanted, and closed when nothing has wanted it for a while. */

export class OpenedForAWhile<T extends { close(): Promise<void> }> {
  readonly #open: () => Promise<T>;
  readonly #idleMs: number;
  #opened: Promise<T> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #numUses = 0;

  constructor(open: () => Promise<T>, idleMs: number) {
    this.#open = open;
    this.#idleMs = idleMs;
  }

  /** Stays open until the work ends. @throws what opening throws, which is tried again the next time. */
  async use<R>(work: (opened: T) => Promise<R>): Promise<R> {
    clearTimeout(this.#timer);
    this.#numUses++;
    try {
      this.#opened ??= this.#open().catch((error: unknown) => {
        this.#opened = undefined;
        throw error;
      });
      return await work(await this.#opened);
    } finally {
      if (--this.#numUses === 0) this.#closeLater();
    }
  }

  #closeLater(): void {
    this.#timer = setTimeout(() => void this.close().catch(() => {}), this.#idleMs);
    (this.#timer as { unref?(): void }).unref?.(); // of Node alone: it holds no program up
  }

  /** Not while it is used. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const opened = this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await (await opened)?.close();
  }
}
