/**
 * A text that is being written, through all guards that watch it: what may leave, as soon as no guard can still object to
 * it, whatever the pieces it comes in. What blocks ends the text where it begins; what stands before it has left or leaves.
 */
import { type Cut, countWhile, mergedCuts, withoutCuts } from "./redact.js";
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
  /** Of what has not left. */
  #cuts: readonly Cut[] = [];
  /** Of what has. */
  readonly #made: Cut[] = [];
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
    const next = this.#made[countWhile(this.#made, (cut) => cut.end <= start)];
    return this.#blockedAt < end || (next !== undefined && next.start < end);
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
      for (const finding of judged) found.push(finding); // too many to spread
      this.#settle(judged);
    } catch (error) {
      watched.failed = error instanceof Error ? error.message : String(error);
      watched.ready = Number.POSITIVE_INFINITY;
      if (guard.failure(watched.failed).verdict === "block") this.#blockedAt = this.#from;
    }
  }

  #settle(judged: readonly Judged[]): void {
    const cuts: Cut[] = [];
    for (const { action, span, replacement } of judged) {
      const { start, end } = span ?? { start: this.#from, end: Number.POSITIVE_INFINITY };
      if (action === "block") this.#blockedAt = Math.min(this.#blockedAt, start);
      if (action === "redact") cuts.push({ start, end, replacement });
    }
    if (cuts.length > 0) this.#cuts = mergedCuts([...this.#cuts, ...cuts]);
  }

  /** All that begins before `ready` is known. */
  #release(ready: number): string {
    const length = this.#from + this.#text.length;
    let to = Math.min(ready, this.#blockedAt, length);
    if (ready < length && isHighSurrogate(this.#text.charCodeAt(to - this.#from - 1))) to--;
    const most = ready < length ? Number.POSITIVE_INFINITY : length; // what is open for ever ends with the text
    const open = this.#cuts.find((cut) => cut.start < to && Math.min(cut.end, most) > to);
    if (open) to = open.start;
    const numMade = countWhile(this.#cuts, (cut) => cut.start < to);
    const made = this.#cuts.slice(0, numMade).map((cut) => ({ ...cut, end: Math.min(cut.end, length) }));
    this.#cuts = this.#cuts.slice(numMade);
    for (const cut of made) this.#made.push(cut);
    const here = made.map((cut) => ({ ...cut, start: cut.start - this.#from, end: cut.end - this.#from }));
    const out = withoutCuts(this.#text.slice(0, to - this.#from), here);
    this.#text = this.#text.slice(to - this.#from);
    this.#hasEnded = this.#blockedAt <= Math.min(ready, length);
    this.#from = this.#hasEnded ? this.#blockedAt : to;
    return out;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
