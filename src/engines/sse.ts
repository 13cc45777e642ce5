/**
 * Server-sent events from an engine [WHATWG HTML, 9.2]: bytes → the data of whole events. Strict where a lie could hide: text
 * that is no UTF-8, an event that never ends and a stream that ends within one are errors. Each byte is looked at once, however
 * small the pieces are that it comes in.
 */

/** What is wrong with the bytes; the caller says whose they are. */
export class SseProblem extends Error {
  readonly isEndless: boolean;

  constructor(message: string, isEndless = false) {
    super(message);
    this.isEndless = isEndless;
  }
}

export class SseParser {
  readonly #maxEvent: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** Pieces of the line that has begun. */
  #line: string[] = [];
  /** Data lines of the event that has begun. */
  #data: string[] = [];
  #length = 0;
  /** The last line ended with CR: an LF that follows belongs to it. */
  #endedWithCr = false;

  /** @param maxEvent UTF-16 code units of one event */
  constructor(maxEvent: number) {
    this.#maxEvent = maxEvent;
  }

  /** The data of each event that these bytes complete. @throws SseProblem */
  push(bytes: Uint8Array): string[] {
    return this.#take(this.#decode(bytes, true));
  }

  /** Nothing follows. @throws SseProblem when an event has begun and not ended */
  end(): void {
    this.#decode(new Uint8Array(), false);
    if (this.#line.length > 0 || this.#data.length > 0) throw new SseProblem("half an event");
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(bytes, { stream });
    } catch {
      throw new SseProblem("text that is not UTF-8");
    }
  }

  #take(text: string): string[] {
    const events: string[] = [];
    let start = 0;
    if (this.#endedWithCr && text.startsWith("\n")) start = 1;
    if (text !== "") this.#endedWithCr = false;
    const breaks = /\r\n|\n|\r/g;
    breaks.lastIndex = start;
    for (let found = breaks.exec(text); found; found = breaks.exec(text)) {
      this.#hold(text.slice(start, found.index));
      const event = this.#endLine();
      if (event !== undefined) events.push(event);
      start = breaks.lastIndex;
      this.#endedWithCr = found[0] === "\r" && start === text.length;
    }
    this.#hold(text.slice(start));
    return events;
  }

  #hold(piece: string): void {
    if (piece === "") return;
    this.#line.push(piece);
    this.#length += piece.length;
    if (this.#length > this.#maxEvent) throw new SseProblem(`an event of more than ${this.#maxEvent} characters`, true);
  }

  /** @returns the event, where this line was the empty one that ends it */
  #endLine(): string | undefined {
    const line = this.#line.join("");
    this.#line = [];
    if (line.startsWith("data:")) this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    else this.#length -= line.length; // a comment, or a field that is of no use here
    if (line !== "" || this.#data.length === 0) return undefined;
    const data = this.#data.join("\n");
    this.#data = [];
    this.#length = 0;
    return data;
  }
}
