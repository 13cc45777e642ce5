import { describe, expect, it } from "vitest";
import { seeded } from "../../rollout/analysis/seeded.testkit.js";
import type { Alias } from "../../rollout/index.js";
import { VersionFigures } from "./figures.js";
import { quantileRanks, wilson } from "./interval.js";
import { LogHistogram } from "./log-histogram.js";
import { wireFigures } from "./wire-figures.js";

describe("an interval", () => {
  it("of a rate is Wilson's, as Newcombe 1998 prints it (table I, method 3)", () => {
    const table = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const;
    for (const [num, count, low, high] of table) {
      const found = wilson(num, count);
      expect([found.value, found.low, found.high].map((x) => x.toFixed(4))).toEqual(
        [num / count, low, high].map((x) => x.toFixed(4)),
      );
    }
    expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
  });

  it("of a quantile lies between the ranks that tables of the binomial give", () => {
    expect(quantileRanks(10, 0.5)).toEqual({ low: 2, high: 9 });
    expect(quantileRanks(20, 0.5)).toEqual({ low: 6, high: 15 });
    expect(quantileRanks(100, 0.5)).toEqual({ low: 40, high: 61 });
    expect(quantileRanks(5, 0.5)).toEqual({});
    expect(quantileRanks(20, 0.95)).toEqual({ low: 17 });
  });

  it("of a quantile holds the truth in 95 of 100 draws", () => {
    const random = seeded(11);
    for (const [count, quantile] of [
      [40, 0.5],
      [200, 0.95],
      [900, 0.95],
    ] as const) {
      let held = 0;
      for (let run = 0; run < 2000; run++) {
        let below = 0; // of the values, those under the true quantile
        for (let i = 0; i < count; i++) below += Number(random() < quantile);
        const { low = 0, high = count + 1 } = quantileRanks(count, quantile);
        held += Number(low <= below && below < high);
      }
      expect(held / 2000, `${count} values`).toBeGreaterThan(0.94); // 2000 draws: ± 0.01
    }
  });
});

describe("a histogram", () => {
  it("knows any value within 5 %, also of two that were merged", () => {
    const random = seeded(5);
    const values = Array.from({ length: 2000 }, () => 10 ** (random() * 5 - 1));
    const [one, other] = [new LogHistogram(), new LogHistogram()];
    for (const [i, value] of values.entries()) (i % 3 ? one : other).add(value);
    one.merge(other);
    values.sort((a, b) => a - b);
    for (const rank of [1, 20, 1000, 1900, 2000])
      expect(Math.abs(one.valueAt(rank) / values[rank - 1]! - 1)).toBeLessThan(0.05);
  });

  it("counts what lies beyond its scale as its end", () => {
    const histogram = new LogHistogram();
    for (const value of [1e-9, 1e12]) histogram.add(value);
    expect(histogram.valueAt(1)).toBeLessThan(0.01);
    expect(histogram.valueAt(2)).toBeGreaterThan(1e6);
  });
});

const minute = 60_000;
const good = { isError: false, isBlocked: false, isMalformed: false, firstTokenMs: 100, tokensPerSecond: 20 };
const prod: Alias = {
  ...{ name: "prod", tag: "v1", since: 0, previous: [] },
  canary: {
    tag: "v2",
    share: 0.5,
    plan: { steps: [0.5], analysis: true },
    isPaused: false,
    seq: 3,
    stepSeq: 3,
    stepAt: 0,
  },
};

function clocked() {
  const clock = { now: 1_700_000_000_000 };
  return { clock, figures: new VersionFigures(() => clock.now) };
}

describe("figures over time", () => {
  it("stand side by side, step by step, with their intervals", () => {
    const { clock, figures } = clocked();
    for (let i = 0; i < 120; i++) {
      figures.note("prod", "v1", good);
      figures.note("prod", "v2", { ...good, isError: i % 4 === 0, isMalformed: i % 4 === 1, firstTokenMs: 200 });
      clock.now += 1000;
    }
    const { series, step_s, from, to } = wireFigures(figures, prod, 10);
    expect(series.map(({ version, role }) => [version, role])).toEqual([
      ["v1", "stable"],
      ["v2", "canary"],
    ]);
    expect([step_s, Date.parse(to) - Date.parse(from)]).toEqual([20, 10 * minute]);
    const [stable, canary] = series;
    expect(stable!.points.length).toBeGreaterThanOrEqual(6);
    expect(stable!.total.error).toEqual({ value: 0, low: 0, high: expect.closeTo(0.031, 3), count: 120 });
    expect(canary!.total.error).toMatchObject({ value: 0.25, count: 120 });
    expect(canary!.total.malformed).toMatchObject({ value: expect.closeTo(1 / 3, 3), count: 90 });
    expect(canary!.total.first_token_ms_p95!.value / 200).toBeCloseTo(1, 1);
    expect(canary!.total.golden).toBeUndefined();
    const counts = canary!.points.map(({ error }) => error!.count);
    expect(counts.reduce((a, b) => a + b)).toBe(120);
  });

  it("count each question of the golden set for both, and nothing else", () => {
    const { figures } = clocked();
    for (let i = 0; i < 10; i++) figures.notePair(prod, { stable: false, canary: i < 4 });
    const [stable, canary] = wireFigures(figures, prod, 10).series;
    expect(stable!.total).toEqual({ golden: expect.objectContaining({ value: 0, count: 10 }) });
    expect(canary!.total).toEqual({ golden: expect.objectContaining({ value: 0.4, count: 10 }) });
  });

  it("are kept for a day, coarser with age, in a bounded number of points", () => {
    const { clock, figures } = clocked();
    for (let i = 0; i < 3 * 24 * 60; i++) {
      figures.note("prod", "v1", good);
      clock.now += minute;
    }
    const numAnswers = (minutes: number) => {
      const { series, step_s } = wireFigures(figures, prod, minutes);
      expect(series[0]!.points.length).toBeLessThanOrEqual(37);
      return [series[0]!.total.error!.count, step_s];
    };
    const [some, step] = numAnswers(10);
    expect([some! >= 9 && some! <= 10, step]).toEqual([true, 20]);
    for (const [minutes, seconds] of [
      [60, 120],
      [360, 600],
      [1440, 2400],
    ] as const) {
      const [found, step] = numAnswers(minutes);
      expect([Math.abs(found! - minutes) <= seconds / 60, step], `${minutes} minutes`).toEqual([true, seconds]);
    }
  });

  it("show what was tried before, and forget the versions that no one asks", () => {
    const { figures } = clocked();
    figures.note("prod", "v0", good);
    figures.note("other", "v7", good);
    const roles = () => wireFigures(figures, prod, 10).series.map(({ version, role }) => [version, role]);
    expect(roles().at(-1)).toEqual(["v0", "past"]);
    for (let i = 0; i < 32; i++) figures.note("other", `v${i}`, good);
    expect(roles()).toEqual([
      ["v1", "stable"],
      ["v2", "canary"],
    ]);
  });
});
