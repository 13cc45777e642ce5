import { describe, expect, it } from "vitest";
import { chosenPoint, rocOf } from "./roc.js";

describe("the curve of a score", () => {
  it("has the area 1 where it tells all apart, 0 where it is upside down, a half where it says nothing", () => {
    expect(rocOf([0.9, 0.8], [0.2, 0.1]).area).toBe(1);
    expect(rocOf([0.1], [0.9]).area).toBe(0);
    expect(rocOf([0.5, 0.5], [0.5]).area).toBe(0.5);
  });

  it("has the area that counting pairs gives", () => {
    const [positives, negatives] = [
      [0.9, 0.6, 0.4, 0.4],
      [0.7, 0.4, 0.1],
    ];
    const pairs = positives.flatMap((p) => negatives.map((n) => (p > n ? 1 : p === n ? 0.5 : 0)));
    const counted = pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length;
    expect(rocOf(positives, negatives).area).toBeCloseTo(counted, 12);
  });

  it("gives the threshold that hits most within the false hits that are allowed", () => {
    const roc = rocOf([0.9, 0.6, 0.4], [0.7, 0.3, 0.2, 0.1]);
    expect(chosenPoint(roc, 0)).toMatchObject({ threshold: 0.9, truePositiveRate: 1 / 3 });
    expect(chosenPoint(roc, 0.25)).toMatchObject({ threshold: 0.4, truePositiveRate: 1, falsePositiveRate: 0.25 });
    expect(chosenPoint(rocOf([0.1], [0.9]), 0)).toMatchObject({
      threshold: Number.POSITIVE_INFINITY,
      truePositiveRate: 0,
    });
  });
});
