/**
 * A text that is being written, through all guards that watch it: what may leave, as soon as no guard can still object to
 * it, whatever the pieces it comes in. What blocks ends the text where it begins; what stands before it has left or leaves.
 */
import { type Cut, mergedCuts, withoutCuts } from "./redact.js";
import type { Finding, Guard, Judged, TextWatch, Verdict } from "./verdict.js";

interface Watched {
  readonly guard: Guard;
  readonly watch: TextWatch;
  readonly found: Judged[];
  ready: number;
  ms: number;
  failed?: string;
}

export class TextFilter {
  readonly #watched: Watched[];
  /** What has come and not left. */
  #text = "";
  /** Where `#text` begins in the whole. */
  #from = 0;
  #cuts: Cut[] = [];
  #blockedAt = Number.POSITIVE_INFINITY;
  #hasEnded = false;

  constructor(guards: readonly Guard[]) {
    this.#watched = guards.map((guard) => ({ guard, watch: guard.watch!(), found: [], ready: 0, ms: 0 }));
  }

  /** Whether the text has ended, blocked: whatever comes behind is not wanted any more. */
  get isBlocked(): boolean {
    return this.#hasEnded;
  }

  /** How much of the text has left, or was cut out. */
  get released(): number {
    return this.#from;
  }

  /** Whether something was cut out of this part, which has been released. */
  wasCut(start: number, end: number): boolean {
    return this.#blockedAt < end || this.#cuts.some((cut) => cut.start < end && cut.end > start);
  }

  push(chunk: string): string {
    this.#text += chunk;
    return this.#pass((watch) => watch.push(chunk));
  }

  end(): string {
    return this.#pass((watch) => ({ ready: Number.POSITIVE_INFINITY, findings: watch.end() }));
  }

  verdicts(): { guard: Guard; verdict: Verdict; ms: number }[] {
    return this.#watched.map(({ guard, found, failed, ms }) => {
      const verdict = failed === undefined ? guard.judge(found) : guard.failure(failed);
      return { guard, verdict, ms };
    });
  }

  #pass(ask: (watch: TextWatch) => { ready: number; findings: readonly Finding[] }): string {
    for (const watched of this.#watched) {
      const started = performance.now();
      if (watched.failed === undefined) this.#ask(watched, ask);
      watched.ms += performance.now() - started;
    }
    return this.#release(Math.min(...this.#watched.map(({ ready }) => ready)));
  }

  #ask(watched: Watched, ask: (watch: TextWatch) => { ready: number; findings: readonly Finding[] }): void {
    const { guard, watch, found } = watched;
    try {
      const { ready, findings } = ask(watch);
      watched.ready = ready;
      const judged = guard.judge(findings).findings;
      found.push(...judged);
      for (const finding of judged) this.#settle(finding);
    } catch (error) {
      watched.failed = error instanceof Error ? error.message : String(error);
      watched.ready = Number.POSITIVE_INFINITY;
      if (guard.failure(watched.failed).verdict === "block") this.#blockedAt = this.#from;
    }
  }

  #settle({ action, span, replacement }: Judged): void {
    const { start, end } = span ?? { start: this.#from, end: Number.POSITIVE_INFINITY };
    if (action === "block") this.#blockedAt = Math.min(this.#blockedAt, start);
    if (action === "redact") this.#cuts = mergedCuts([...this.#cuts, { start, end, replacement }]);
  }

  /** All that begins before `ready` is known. */
  #release(ready: number): string {
    const length = this.#from + this.#text.length;
    let to = Math.min(ready, this.#blockedAt, length);
    if (ready < length && isHighSurrogate(this.#text.charCodeAt(to - this.#from - 1))) to--;
    const cuts = this.#cuts.map((cut) => ({ ...cut, end: ready < length ? cut.end : Math.min(cut.end, length) }));
    for (const { start, end } of cuts) if (start < to && end > to) to = start;
    const out = withoutCuts(
      this.#text,
      cuts.map((cut) => moved(cut, -this.#from)),
      0,
      to - this.#from,
    );
    this.#text = this.#text.slice(to - this.#from);
    this.#hasEnded = this.#blockedAt <= Math.min(ready, length);
    this.#from = this.#hasEnded ? this.#blockedAt : to;
    return out;
  }
}

function moved(cut: Cut, by: number): Cut {
  return { ...cut, start: cut.start + by, end: cut.end + by };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
