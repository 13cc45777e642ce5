/**
 * What each version's answers were like over the last day, for charts of two versions side by side. Counted as they end, in
 * buckets of ten seconds, a minute and ten minutes at once: what is older is only kept coarser. Of this process, in memory.
 */
import { LRUCache } from "lru-cache";
import type { Alias, Role } from "../../rollout/index.js";
import { LogHistogram } from "./log-histogram.js";
import type { AnswerQuality } from "./rollouts.js";

/** Answers of one stretch of time. */
export class Tally {
  numAnswers = 0;
  numErrors = 0;
  /** Of those that were no errors: blocked, empty, cut off or repeating. */
  numMalformed = 0;
  numGolden = 0;
  numWrong = 0;
  readonly firstTokenMs = new LogHistogram();
  readonly tokensPerSecond = new LogHistogram();

  note({ isError, isBlocked, isMalformed, firstTokenMs = 0, tokensPerSecond = 0 }: AnswerQuality): void {
    this.numAnswers++;
    this.numErrors += Number(isError);
    if (isError) return;
    this.numMalformed += Number(isBlocked || isMalformed);
    if (firstTokenMs > 0) this.firstTokenMs.add(firstTokenMs);
    if (tokensPerSecond > 0) this.tokensPerSecond.add(tokensPerSecond);
  }

  noteGolden(isWrong: boolean): void {
    this.numGolden++;
    this.numWrong += Number(isWrong);
  }

  merge(other: Tally): void {
    for (const name of ["numAnswers", "numErrors", "numMalformed", "numGolden", "numWrong"] as const)
      this[name] += other[name];
    this.firstTokenMs.merge(other.firstTokenMs);
    this.tokensPerSecond.merge(other.tokensPerSecond);
  }
}

/** The finest first: ten minutes, six hours, a day. */
const tiers = [
  { stepMs: 10_000, numKept: 60 },
  { stepMs: 60_000, numKept: 360 },
  { stepMs: 600_000, numKept: 144 },
] as const;
/** 564 buckets of at most 1.8 kB each, so 32 MB at most; the version that was asked longest ago is the first to go. */
const maxSeries = 32;
/** Of one chart: more would have too few answers each to say anything. */
const maxPoints = 36;

/** One version behind one alias. */
class Series {
  readonly #tallies = tiers.map(() => new Map<number, Tally>());

  note(now: number, note: (tally: Tally) => void): void {
    for (const [i, { stepMs, numKept }] of tiers.entries()) {
      const tallies = this.#tallies[i]!;
      const start = now - (now % stepMs);
      if (!tallies.has(start)) {
        tallies.set(start, new Tally());
        for (const old of tallies.keys()) if (old <= start - numKept * stepMs) tallies.delete(old);
      }
      note(tallies.get(start)!);
    }
  }

  /** Merged to steps, by their beginnings; those without an answer are left out. */
  between({ tier, from, to, stepMs }: Span): Map<number, Tally> {
    const merged = new Map<number, Tally>();
    for (const [start, tally] of this.#tallies[tier]!) {
      if (start < from || start >= to) continue;
      const at = start - ((start - from) % stepMs);
      if (!merged.has(at)) merged.set(at, new Tally());
      merged.get(at)!.merge(tally);
    }
    return new Map([...merged].sort(([a], [b]) => a - b));
  }
}

/** Milliseconds since 1970; `to` is not in it. */
export interface Span {
  readonly tier: number;
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

export class VersionFigures {
  readonly #series = new LRUCache<string, { readonly alias: string; readonly tag: string; readonly series: Series }>({
    max: maxSeries,
  });
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** One answer that a version gave behind an alias, in whatever role. */
  note(alias: string, tag: string, quality: AnswerQuality): void {
    this.#of(alias, tag).note(this.#now(), (tally) => tally.note(quality));
  }

  /** One question whose answer is known, put to both. */
  notePair({ name, tag, canary }: Alias, isWrong: Readonly<Record<Role, boolean>>): void {
    const now = this.#now();
    this.#of(name, tag).note(now, (tally) => tally.noteGolden(isWrong.stable));
    if (canary) this.#of(name, canary.tag).note(now, (tally) => tally.noteGolden(isWrong.canary));
  }

  /** The versions that an alias had answers of, the latest asked first. */
  tagsOf(alias: string): string[] {
    return [...this.#series.values()].filter((each) => each.alias === alias).map(({ tag }) => tag);
  }

  /** The last so many minutes, up to now, in steps that give a chart a bounded number of points. */
  span(minutes: number): Span {
    const found = tiers.findIndex(({ stepMs, numKept }) => stepMs * numKept >= minutes * 60_000);
    const tier = found < 0 ? tiers.length - 1 : found;
    const { stepMs, numKept } = tiers[tier]!;
    const numBuckets = Math.min(numKept, Math.ceil((minutes * 60_000) / stepMs));
    const step = stepMs * Math.ceil(numBuckets / maxPoints);
    const to = Math.floor(this.#now() / step) * step + step;
    return { tier, from: to - Math.ceil((numBuckets * stepMs) / step) * step, to, stepMs: step };
  }

  /** Undefined when nothing is known of it. */
  read(alias: string, tag: string, span: Span): ReadonlyMap<number, Tally> | undefined {
    return this.#series.peek(keyOf(alias, tag))?.series.between(span);
  }

  #of(alias: string, tag: string): Series {
    const key = keyOf(alias, tag);
    const found = this.#series.get(key) ?? { alias, tag, series: new Series() };
    this.#series.set(key, found);
    return found.series;
  }
}

function keyOf(alias: string, tag: string): string {
  return `${alias} ${tag}`;
}
