/**
 * A text that is being written, through all guards that watch it: what may leave, as soon as no guard can still object to
 * it, whatever the pieces it comes in. What blocks ends the text where it begins; what stands before it has left or leaves.
 */
import { type AnswerForm, Layout, plainText } from "./layout.js";
import { byPlace, type Cut, countWhile, cutsOf, type PseudonymOf, withoutCuts } from "./redact.js";
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
  readonly #layout: Layout;
  /** What has come and not left. */
  #text = "";
  /** Where `#text` begins in the whole. */
  #from = 0;
  /** Of what has not left, as they were found. */
  #cuts: readonly Cut[] = [];
  /** Of what has. */
  readonly #made: Cut[] = [];
  #blockedAt = Number.POSITIVE_INFINITY;
  #hasEnded = false;
  readonly #pseudonymOf: PseudonymOf | undefined;
  /** What has left, with nothing put back: for the log. */
  checked = "";

  constructor(guards: readonly Guard[], pseudonymOf?: PseudonymOf, form: AnswerForm = plainText) {
    this.#pseudonymOf = pseudonymOf;
    this.#layout = new Layout(form);
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
    this.#layout.push(chunk);
    return this.#pass((watch) => watch.push(chunk));
  }

  end(): string {
    this.#layout.end();
    return this.#pass((watch) => ({ ready: Number.POSITIVE_INFINITY, findings: watch.end() }));
  }

  verdicts(): { guard: Guard; verdict: Verdict; ms: number }[] {
    return this.#watched.map(({ guard, found, failed, ms }) => {
      const verdict = failed === undefined ? guard.judge(found) : guard.failure(failed);
      return { guard, verdict, ms };
    });
  }

  #pass(ask: (watch: TextWatch) => { ready: number; findings: readonly Finding[] }): string {
    if (this.#hasEnded) return ""; // what was held back at the end stays so
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
      this.#settle(judged, this.#watched.indexOf(watched));
    } catch (error) {
      watched.failed = error instanceof Error ? error.message : String(error);
      watched.ready = Number.POSITIVE_INFINITY;
      if (guard.failure(watched.failed).verdict === "block") this.#blockedAt = this.#from;
    }
  }

  #settle(judged: readonly Judged[], rank: number): void {
    for (const { action, span } of judged)
      if (action === "block") this.#blockedAt = Math.min(this.#blockedAt, span?.start ?? this.#from);
    const asked = cutsOf(judged, this.#pseudonymOf);
    if (asked.length === 0) return;
    const cuts = asked.map((cut) => ({ ...cut, start: Math.max(cut.start, this.#from), rank }));
    this.#cuts = [...this.#cuts, ...cuts].sort((a, b) => byPlace(a, b) || a.rank! - b.rank!);
  }

  /** All that begins before `ready` is known. */
  #release(ready: number): string {
    const length = this.#from + this.#text.length;
    let to = this.#layout.floor(Math.min(ready, this.#blockedAt, length));
    if (ready < length && isHighSurrogate(this.#text.charCodeAt(to - this.#from - 1))) to--;
    const most = ready < length ? Number.POSITIVE_INFINITY : length; // what is open forever ends with the text
    const near = this.#layout.aligned(this.#cuts.slice(0, this.#numCutsBefore(to)));
    const open = near.find((cut) => Math.min(cut.end, most) > to);
    if (open) to = open.start;
    this.#cuts = this.#cuts.slice(this.#numCutsBefore(to));
    const made = near
      .filter((cut) => cut.start < to)
      .flatMap((cut) => this.#layout.parts({ ...cut, end: Math.min(cut.end, length) }));
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
    this.#layout.forget(to);
    this.#hasEnded = this.#blockedAt <= Math.min(ready, length);
    this.#from = this.#hasEnded ? this.#blockedAt : to;
    return out;
  }

  #numCutsBefore(place: number): number {
    return countWhile(this.#cuts, (cut) => cut.start < place);
  }
}

function isRestored(cut: Cut): boolean {
  return cut.isRestored === true;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
