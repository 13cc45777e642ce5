/**
 * A text that is being written, through all guards that watch it: what may leave, as soon as no guard can still object to
 * it, whatever the pieces it comes in. What blocks ends the text where it begins; what stands before it has left or leaves.
 */
import { type Cut, countWhile, cutsOf, mergedCuts, type PseudonymOf, withoutCuts } from "./redact.js";
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
  /** Of what has not left: as they were found, and merged. */
  #asked: readonly Cut[] = [];
  #cuts: readonly Cut[] = [];
  /** Of what has. */
  readonly #made: Cut[] = [];
  #blockedAt = Number.POSITIVE_INFINITY;
  #hasEnded = false;
  readonly #pseudonymOf: PseudonymOf | undefined;
  /** What has left, with nothing put back: for the log. */
  checked = "";

  constructor(guards: readonly Guard[], pseudonymOf?: PseudonymOf) {
    this.#pseudonymOf = pseudonymOf;
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
    for (const { action, span } of judged)
      if (action === "block") this.#blockedAt = Math.min(this.#blockedAt, span?.start ?? this.#from);
    const cuts = cutsOf(judged, this.#pseudonymOf).map((cut) => ({ ...cut, start: Math.max(cut.start, this.#from) }));
    if (cuts.length === 0) return;
    this.#asked = [...this.#asked, ...cuts];
    this.#cuts = mergedCuts(this.#asked);
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
    if (numMade > 0) this.#asked = this.#asked.filter(({ start }) => start >= to);
    for (const cut of made) this.#made.push(cut);
    const here = made.map((cut) => ({ ...cut, start: cut.start - this.#from, end: cut.end - this.#from }));
    const passed = this.#text.slice(0, to - this.#from);
    const out = withoutCuts(passed, here);
    this.checked += here.some(isRestored)
      ? withoutCuts(
          passed,
          here.filter((cut) => !isRestored(cut)),
        )
      : out;
    this.#text = this.#text.slice(to - this.#from);
    this.#hasEnded = this.#blockedAt <= Math.min(ready, length);
    this.#from = this.#hasEnded ? this.#blockedAt : to;
    return out;
  }
}

function isRestored(cut: Cut): boolean {
  return cut.isRestored === true;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
