/** Folds, look-alikes, calibration, forecasts and scores: laws that hold for any data. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { createRandom } from "../../core/engine/index.js";
import { fitTemperature, logLoss, probabilitiesOf } from "./calibrate.js";
import { fitHead } from "./fit-head.js";
import { assignFolds } from "./folds.js";
import { forecast } from "./learning-curve.js";
import { lookAlikes } from "./look-alikes.js";
import { Products } from "./products.js";
import { scoreHead } from "./scores.js";
import { tuneHead } from "./tune-head.js";

let products: Products;
beforeAll(async () => {
  products = await Products.open(1);
});
afterAll(() => products.close());

/** Normal numbers [Box & Muller]. */
function normal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Points around the corners of a simplex. */
function clusters(counts: readonly number[], distance: number, columns = 6, seed = 9) {
  const next = normal(createRandom(seed));
  const targets = counts.flatMap((count, k) => new Array<number>(count).fill(k));
  const data = Float32Array.from({ length: targets.length * columns }, (_, i) => {
    return next() + (i % columns === targets[Math.floor(i / columns)] ? distance : 0);
  });
  const labels = counts.map((_, k) => `class ${k}`);
  return {
    labels,
    features: { data, rows: targets.length, columns },
    images: targets.map((target, i) => ({ path: `${i}.png`, label: labels[target]! })),
    digests: targets.map((_, i) => String(i)),
  };
}

describe("folds", () => {
  it("have their share of each class, and keep groups together", () => {
    const targetsOf = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 10, maxLength: 80 });
    fc.assert(
      fc.property(
        targetsOf,
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 0, max: 1e6 }),
        (list, numFolds, seed) => {
          const targets = Int32Array.from(list);
          const alone = assignFolds(targets, targets.map((_, i) => i), numFolds, createRandom(seed)); // biome-ignore format: one thought
          for (const k of new Set(list)) {
            const counts = Array.from({ length: numFolds }, (_, f) =>
              alone.filter((fold, i) => fold === f && list[i] === k),
            );
            const sizes = counts.map(({ length }) => length);
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          }
          const leaders = targets.map((_, i) => i - (i % 3));
          const grouped = assignFolds(targets, leaders, numFolds, createRandom(seed));
          for (const [i, leader] of leaders.entries()) expect(grouped[i]).toBe(grouped[leader]);
          expect(assignFolds(targets, leaders, numFolds, createRandom(seed))).toEqual(grouped);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("look-alikes", () => {
  it("are equal files, and images that are nearly the same to the encoder; neighbours of neighbours are none", async () => {
    const { features, digests } = clusters([10], 0, 64);
    const row = (i: number) => features.data.subarray(64 * i, 64 * (i + 1));
    row(4).set(row(1).map((value, i) => value + 0.02 * Math.sin(i)));
    const same = digests.with(7, "2");
    expect([...(await lookAlikes(products, features, same))]).toEqual([0, 1, 2, 3, 1, 5, 6, 2, 8, 9]);
    for (let i = 1; i < 10; i++) row(i).set(row(0).map((value, j) => value + (j === 0 ? 0.6 * i : 0)));
    const chain = [...(await lookAlikes(products, features, digests))];
    expect(new Set(chain).size).toBeGreaterThan(3); // each is near the next, the first is not near the last
  });
});

describe("a temperature", () => {
  it("undoes how much logits were sharpened", () => {
    const random = createRandom(4);
    const next = normal(random);
    const [count, numClasses] = [4000, 3];
    const honest = Float32Array.from({ length: count * numClasses }, () => 1.5 * next());
    const probabilities = probabilitiesOf(honest, numClasses, 1);
    const targets = Int32Array.from({ length: count }, (_, i) => {
      const at = random();
      const [a, b] = [probabilities[3 * i]!, probabilities[3 * i + 1]!];
      return at < a ? 0 : at < a + b ? 1 : 2;
    });
    const weights = new Float64Array(count).fill(1);
    const found = fitTemperature({ logits: honest.map((x) => 3 * x), targets, weights, numClasses });
    expect(found).toBeGreaterThan(2.8);
    expect(found).toBeLessThan(3.2);
    expect(logLoss({ logits: honest, targets, weights: weights.map((_, i) => i % 2), numClasses })).toBeLessThan(1);
  });
});

describe("a forecast", () => {
  const errorsOf = (rate: number) => Uint8Array.from({ length: 2000 }, (_, i) => Number((i * 0.618) % 1 < rate));
  const groups = Int32Array.from({ length: 2000 }, (_, i) => i);
  const pointsOf = (rates: readonly number[]) =>
    rates.map((rate, i) => ({ images: 100 * 2 ** i, errors: errorsOf(rate) }));

  it("carries a power law on, with an interval that holds it", () => {
    const found = forecast(pointsOf([0.4, 0.28, 0.2, 0.14]), groups, 1600, 1);
    expect(found.value).toBeCloseTo(0.9, 1);
    expect(found.low).toBeLessThan(found.value);
    expect(found.high).toBeGreaterThan(found.value);
    expect(found.gain.low).toBeGreaterThan(0);
    expect(forecast(pointsOf([0.4, 0.28, 0.2, 0.14]), groups, 1600, 1)).toEqual(found);
  });

  it("promises nothing where nothing was gained", () => {
    const { gain } = forecast(pointsOf([0.2, 0.2, 0.21, 0.2]), groups, 1600, 1);
    expect(gain.low).toBe(0);
    expect(gain.value).toBeLessThan(0.02);
    expect(forecast(pointsOf([0.1, 0.2, 0.3]), groups, 800, 1).gain).toEqual({ value: 0, low: 0, high: 0 });
  });

  it("is surer of more images", () => {
    const width = (every: number) => {
      const few = pointsOf([0.4, 0.28, 0.2, 0.14]).map(({ images, errors }) => ({
        images,
        errors: errors.filter((_, i) => i % every === 0),
      }));
      const { low, high } = forecast(few, groups.filter((_, i) => i % every === 0), 1600, 1); // biome-ignore format: one thought
      return high - low;
    };
    expect(width(10)).toBeGreaterThan(1.5 * width(1));
  });
});

describe("scores", () => {
  it("count what was taken for what, and name sure mistakes", () => {
    const [targets, labels, paths] = [Int32Array.of(0, 0, 0, 1), ["cat", "dog"], ["a", "b", "c", "d"]];
    const probabilities = Float64Array.of(0.9, 0.1, 0.3, 0.7, 0.04, 0.96, 0.2, 0.8);
    const found = scoreHead({ targets, labels, paths, probabilities });
    expect(found.confusion).toEqual([
      [1, 2],
      [0, 1],
    ]);
    expect(found.accuracy).toMatchObject({ value: 0.5, images: 4 });
    expect(found.balancedAccuracy).toBeCloseTo((1 / 3 + 1) / 2);
    expect(found.classes[0]).toMatchObject({
      recall: { images: 3 },
      precision: { value: 1 },
      takenFor: { label: "dog", images: 2 },
    });
    expect(found.suspects).toEqual([{ path: "c", label: "cat", predicted: "dog", probability: 0.96 }]);
  });
});

describe("a head", () => {
  it("of overlapping classes says how good it is, is calibrated, and what more images would bring", async () => {
    const { labels, ...encoded } = clusters([120, 60, 60], 2);
    const { report, layers } = await fitHead(encoded, labels, { seed: 3, threads: 1 });
    expect(report.accuracy.value).toBeGreaterThan(0.7);
    expect(report.accuracy.value).toBeLessThan(0.97);
    expect(report.calibration.error).toBeLessThan(0.1);
    expect(report.learningCurve.points.map(({ images }) => images)).toEqual([24, 48, 96, 192]);
    expect(report.learningCurve.next!.images).toBe(384);
    expect(report.moreOf).toHaveLength(3);
    expect(layers[0]).toMatchObject({ inputs: 6, outputs: 3 });
    const again = await fitHead(encoded, labels, { seed: 3, threads: 1 });
    expect(again).toEqual(expect.objectContaining({ layers }));
    expect(again.report).toEqual(report);
  });

  it("of features that say nothing is no better than a guess, and does not say otherwise", async () => {
    const { labels, ...encoded } = clusters([100, 100], 0);
    const { report } = await fitHead(encoded, labels, { threads: 1 });
    expect(report.accuracy.low).toBeLessThan(0.5);
    expect(report.moreOf.filter(({ helps }) => helps)).toEqual([]);
  });

  it("counts rare classes as much, if that is wanted", async () => {
    const { labels, ...encoded } = clusters([190, 10], 1.5);
    const recallOf = async (balanced: boolean) =>
      (await fitHead(encoded, labels, { balanced, threads: 1 })).report.classes[1]!.recall.value;
    expect(await recallOf(true)).toBeGreaterThan(await recallOf(false));
  });

  it("tells of one image under two labels, and holds it out as one", async () => {
    const { labels, images, features, digests } = clusters([20, 20], 3);
    const copied = { labels, images, features, digests: digests.with(30, "5") };
    features.data.set(features.data.subarray(6 * 5, 6 * 6), 6 * 30);
    const { report } = await fitHead(copied, labels, { threads: 1 });
    const pair = [5, 30].map((i) => images[i]);
    expect(report.lookAlikes).toMatchObject({ groups: 1, images: 2, conflicts: [{ images: pair }] });
  });

  it("of images that all look the same is refused", async () => {
    const { labels, ...encoded } = clusters([4, 4], 0);
    encoded.features.data.fill(1);
    const refused = ocellusError("invalid_request", { reason: "all_alike" });
    await expect(fitHead(encoded, labels, { threads: 1 })).rejects.toThrow(refused);
  });

  it.each([
    [{ folds: 1 }, "folds"],
    [{ layers: 3 as 2 }, "layers"],
    [{ width: 0, layers: 2 as const }, "width"],
    [{ seed: -1 }, "seed"],
  ])("refuses %j before it reads anything", async (choice, param) => {
    const refused = tuneHead("nowhere", { encoder: "nowhere", into: "nothing", ...choice });
    await expect(refused).rejects.toThrow(ocellusError("invalid_request", { param }));
  });
});
