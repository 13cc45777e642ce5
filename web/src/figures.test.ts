import { describe, expect, it } from "vitest";
import type { WireFigures, WireHistory } from "../../src/protocol/index.js";
import { estimateText, linesOf, marksOf, pointAt, scales, topOf } from "./figures.js";

const start = Date.parse("2026-01-01T12:00:00Z");
const time = (seconds: number) => new Date(start + seconds * 1000).toISOString();
const rate = (value: number, low = 0, high = 1) => ({ value, low, high, count: 10 });

/** Ten minutes in steps of twenty seconds. */
const figures: WireFigures = {
  object: "ocellus.admin.figures",
  ...{ alias: "prod", from: time(0), to: time(600), step_s: 20 },
  series: [
    {
      ...{ version: "v1", role: "stable", total: {} },
      points: [
        { at: time(0), error: rate(0.02) },
        { at: time(40), error: rate(0.04, 0.01, 0.2) },
        { at: time(60), first_token_ms_p50: { value: 120, low: 100, count: 4 } },
        { at: time(200), error: rate(0.11) },
      ],
    },
  ],
};

describe("a chart of figures", () => {
  it("has a line from point to point, and none over a long silence", () => {
    const [{ runs }] = linesOf(figures, "error", 0.2) as [ReturnType<typeof linesOf>[number]];
    expect(runs.map((run) => run.length)).toEqual([2, 1]);
    expect(runs[0]![1]).toEqual({ x: 50 / 600, y: 0.04 / 0.2, low: 0.01 / 0.2, high: 1 });
  });

  it("has a round top above all values, and does not make much of little", () => {
    expect(topOf(figures, "error")).toBe(0.2);
    expect(topOf(figures, "first_token_ms_p50")).toBe(200);
    expect(topOf({ ...figures, series: [] }, "error")).toBe(0.05);
  });

  it("tells the point in which a moment lies", () => {
    expect(pointAt(figures, figures.series[0]!, 50 / 600)).toMatchObject({ at: time(40) });
    expect(pointAt(figures, figures.series[0]!, 100 / 600)).toBeUndefined();
  });

  it("marks what happened to its alias in its time, the first at the left", () => {
    const entry = (seq: number, seconds: number, kind: string, alias: string, more = {}) =>
      ({ seq, at: time(seconds), actor: "alice", kind, alias, ...more }) as WireHistory["data"][number];
    const data = [
      entry(5, 450, "rolled_back", "prod"),
      entry(4, 300, "share_changed", "prod", { share: 0.25 }),
      entry(3, 200, "canary_started", "other", { steps: [0.5] }),
      entry(2, 150, "canary_started", "prod", { steps: [0.05, 0.25] }),
      entry(1, -10, "deployed", "prod"),
    ];
    const marks = marksOf(figures, { object: "list", data, has_more: false }, ({ seq }) => `entry ${seq}`, "back");
    expect(marks).toEqual([
      { at: 0.25, label: "5%", says: "entry 2" },
      { at: 0.5, label: "25%", says: "entry 4" },
      { at: 0.75, label: "back", says: "entry 5" },
    ]);
  });

  it("says an interval that is open to one side", () => {
    const { first_token_ms_p50: found } = figures.series[0]!.points[2]!;
    expect(estimateText(found!, scales.first_token_ms_p50)).toEqual({ value: "120 ms", interval: "100 ms–…" });
    expect(estimateText({ value: 1234, low: 990, high: 61_000, count: 3 }, scales.first_token_ms_p95)).toEqual({
      ...{ value: "1.2 s", interval: "990 ms–61 s" },
    });
  });
});
