/** Stop strings on a text stream: text that might be the beginning of one is held back until it is known. */

export class StopStrings {
  readonly #stops: readonly string[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop.length > 0);
  }

  /** Takes the next piece; returns what may be shown, and the stop string that was met (its text is never shown). */
  push(piece: string): { text: string; stop?: string } {
    const text = this.#held + piece;
    const found = this.#stops.map((stop) => ({ stop, at: text.indexOf(stop) })).filter(({ at }) => at >= 0);
    if (found.length > 0) {
      this.#held = "";
      const { stop, at } = found.reduce((first, each) => (each.at < first.at ? each : first));
      return { text: text.slice(0, at), stop };
    }
    const keep = Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)));
    this.#held = text.slice(text.length - keep);
    return { text: text.slice(0, text.length - keep) };
  }

  /** The held-back rest, at the end of the stream. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

/** Length of the longest suffix of `text` that is a proper prefix of `stop`. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
