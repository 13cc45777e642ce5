import { describe, expect, it } from "vitest";
import { formatBytes } from "../../core/base/index.js";
import { describeBytes, formatSeconds } from "./progress.js";

describe("units", () => {
  it("formats seconds for people", () => {
    expect([0.82, 4.25, 12.4, 200, 1259.7, Number.POSITIVE_INFINITY].map(formatSeconds)).toEqual([
      "820 ms",
      "4.3 s",
      "12 s",
      "3 min 20 s",
      "21 min 0 s",
      "unknown time",
    ]);
  });

  it("formats bytes in decimal units", () => {
    expect([0, 980, 12_345_678, 999e6, 4.6e9].map(formatBytes)).toEqual([
      "0 B",
      "980 B",
      "12.3 MB",
      "999 MB",
      "4.6 GB",
    ]);
  });

  it("says how far packing is, how fast, and for how long still", () => {
    const state = { done: 12.3e6, total: 24.6e6, perSecond: 4.1e6, secondsLeft: 3 };
    expect(describeBytes(state)).toBe("12.3 of 24.6 MB, 4.1 MB/s, 3.0 s left");
  });
});
