/** Heads as another solver fits them, gradients by finite differences, and what is folded into a saved layer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../core/engine/index.js";
import { probabilitiesOf } from "./calibrate.js";
import { normalised } from "./cross-validate.js";
import { type FitTask, fitHeads, lossOf, startOf } from "./fit.js";
import { lbfgs } from "./lbfgs.js";
import { type Matrix, Products } from "./products.js";
import { foldedLayers, standardise, standardOf } from "./standardise.js";

let products: Products;
beforeAll(async () => {
  products = await Products.open(1);
});
afterAll(() => products.close());

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../test/golden/classifiers/logistic.json"), "utf8"),
);
const data = {
  features: { data: Float32Array.from(golden.features.flat() as number[]), rows: 40, columns: 4 },
  targets: Int32Array.from(golden.targets as number[]),
};
const run = { seed: 1 };
const exact = { maxIterations: 500, tolerance: 1e-7 };
const weightsOf = (balanced: boolean) =>
  normalised(
    Float64Array.from(data.targets, (target) => (balanced ? 1 / data.targets.filter((t) => t === target).length : 1)),
  );

describe("softmax regression", () => {
  const shape = { numFeatures: 4, numClasses: 3 };

  it.each(["plain", "balanced"] as const)(
    "%s is scikit-learn's, also from a start elsewhere, also beside others",
    async (name) => {
      const task = { weights: weightsOf(name === "balanced"), penalty: golden.penalty, ...exact };
      const elsewhere = { ...task, start: Float64Array.from({ length: 15 }, (_, i) => Math.sin(i)) };
      const other = { ...task, penalty: 1 };
      for (const { logits } of (await fitHeads(products, data, shape, [task, other, elsewhere], run)).filter(
        (_, i) => i !== 1,
      )) {
        const found = probabilitiesOf(logits, 3, 1);
        const expected = (golden[name] as number[][]).flat();
        for (const [i, probability] of found.entries()) expect(probability).toBeCloseTo(expected[i]!, 4);
      }
    },
  );

  it("does not learn from images without weight", async () => {
    const half = normalised(weightsOf(false).map((weight, i) => (i % 2 === 0 ? weight : 0)));
    const task: FitTask = { weights: half, penalty: 0.1, ...exact };
    const changed = { ...data, targets: data.targets.map((target, i) => (i % 2 === 0 ? target : 2 - target)) };
    const [one] = await fitHeads(products, data, shape, [task], run);
    const [other] = await fitHeads(products, changed, shape, [task], run);
    expect(other!.parameters).toEqual(one!.parameters);
  });
});

describe.each([
  ["one layer", { numFeatures: 4, numClasses: 3 }],
  ["two layers", { numFeatures: 4, numClasses: 3, width: 5 }],
])("the gradient of %s", (_, shape) => {
  it("is what finite differences give", async () => {
    const random = createRandom(5);
    const point = startOf(shape, 3).map((value) => value + 0.3 * (random() - 0.5));
    const task = { weights: weightsOf(true), penalty: 0.05, ...exact };
    const at = async (x: Float64Array) => lossOf(products, data, shape, task, x);
    const { gradient } = await at(point);
    const step = 3e-3; // float32 has 7 digits: a smaller one loses more to rounding than it gains
    for (let i = 0; i < point.length; i++) {
      const [up, down] = [1, -1].map((sign) => point.map((x, j) => (i === j ? x + sign * step : x)));
      const slope = ((await at(up!)).value - (await at(down!)).value) / (2 * step);
      expect(Math.abs(slope - gradient[i]!)).toBeLessThan(2e-4);
    }
  });
});

describe("two layers", () => {
  it("learn what one cannot: which of two signs agree", async () => {
    const points = [-1, 1].flatMap((x) => [-1, 1].map((y) => [x, y] as const));
    const rows = Array.from({ length: 80 }, (_, i) => points[i % 4]!.map((v, j) => v + 0.2 * Math.sin(7 * i + j)));
    const features = { data: Float32Array.from(rows.flat()), rows: 80, columns: 2 };
    const targets = Int32Array.from(rows, ([x, y]) => Number(x! * y! > 0));
    const weights = new Float64Array(80).fill(1 / 80);
    const task = { weights, penalty: 1e-4, maxIterations: 200, tolerance: 1e-5 };
    const right = async (width?: number) => {
      const shape = { numFeatures: 2, numClasses: 2, width };
      const [fit] = await fitHeads(products, { features, targets }, shape, [task], run);
      const { logits } = fit!;
      return targets.filter((target, i) => Number(logits[2 * i + 1]! > logits[2 * i]!) === target).length;
    };
    expect(await right(8)).toBe(80);
    expect(await right()).toBeLessThan(70);
  });
});

describe("L-BFGS", () => {
  it("finds the minimum of Rosenbrock's valley", () => {
    const steps = lbfgs(Float64Array.of(-1.2, 1), { maxIterations: 200, tolerance: 1e-9 });
    let next = steps.next();
    for (let n = 0; !next.done && n < 1000; n++) {
      const [x, y] = next.value as unknown as [number, number];
      const value = (1 - x) ** 2 + 100 * (y - x * x) ** 2;
      const gradient = Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x));
      next = steps.next({ value, gradient });
    }
    expect(next.done).toBe(true);
    const { point, iterations } = next.value as { point: Float64Array; iterations: number };
    expect(point[0]).toBeCloseTo(1, 6);
    expect(point[1]).toBeCloseTo(1, 6);
    expect(iterations).toBeLessThan(60);
  });
});

describe("a saved layer", () => {
  it("gives over plain features what the head gives over standardised ones, divided by the temperature", async () => {
    const features: Matrix = {
      ...data.features,
      data: data.features.data.map((x, i) => (i % 4 === 3 ? 7 : 100 + 30 * x)),
    };
    const standard = standardOf(features);
    expect(standard.scale[3]).toBe(1);
    const shape = { numFeatures: 4, numClasses: 3 };
    const task = { weights: weightsOf(false), penalty: 0.01, ...exact };
    const learned = { features: standardise(features, standard), targets: data.targets };
    const [fit] = await fitHeads(products, learned, shape, [task], run);
    const [layer] = foldedLayers(fit!.parameters, shape, standard, 2.5);
    for (let row = 0; row < 40; row++)
      for (let k = 0; k < 3; k++) {
        const terms = [0, 1, 2, 3].map((j) => layer!.weight[4 * k + j]! * features.data[4 * row + j]!);
        const logit = layer!.bias[k]! + terms.reduce((sum, term) => sum + term, 0);
        expect(logit).toBeCloseTo(fit!.logits[3 * row + k]! / 2.5, 4);
      }
  });
});
