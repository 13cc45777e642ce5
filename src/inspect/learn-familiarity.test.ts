import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { boundarySide, spanCosine } from "../core/runtime/index.js";
import { learnFamiliarity } from "./learn-familiarity.js";

const width = 40;
let state = 7;
const random = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647 - 0.5;
};
/** Images of training vary in four directions, and a little in all. */
const within = () => Float32Array.from({ length: width }, (_, i) => 3 + (i < 4 ? 4 : 0.2) * random());
const elsewhere = () => Float32Array.from({ length: width }, (_, i) => 3 + (i < 4 ? 0.2 : 4) * random());
const many = (make: () => Float32Array, count: number) => Array.from({ length: count }, make);

describe("learnFamiliarity", () => {
  const table = learnFamiliarity(many(within, 300));
  const values = new Float32Array(Uint8Array.from(Buffer.from(table.values, "base64")).buffer);
  const mean = values.subarray(0, width);
  const rows = values.subarray(width);
  const score = (vector: Float32Array) => spanCosine(vector, mean, rows);

  it("finds an orthonormal span of the directions that the vectors vary in", () => {
    expect([table.dimensions, rows.length]).toEqual([width, table.directions * width]);
    for (let a = 0; a < table.directions; a++)
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let i = 0; i < width; i++) product += rows[a * width + i]! * rows[b * width + i]!;
        expect(product).toBeCloseTo(a === b ? 1 : 0, 4);
      }
    for (let axis = 0; axis < 4; axis++) {
      const along = mean.map((value, i) => value + (i === axis ? 1 : 0));
      expect(score(along)).toBeGreaterThan(0.99);
    }
  });

  it("keeps like images above its threshold and unlike ones below", () => {
    const below = (vectors: Float32Array[]) => vectors.filter((vector) => score(vector) < table.threshold).length;
    expect(below(many(within, 200))).toBeLessThan(20);
    expect(below(many(elsewhere, 200))).toBeGreaterThan(180);
  });

  it("gives the mean itself a score of one, makes the same table again, and refuses few images", () => {
    expect(score(mean.slice())).toBe(1);
    const vectors = many(within, 120);
    expect(learnFamiliarity(vectors)).toEqual(learnFamiliarity(vectors));
    expect(() => learnFamiliarity(vectors.slice(0, 99))).toThrow(
      ocellusError("invalid_request", { found: 99, least: 100 }),
    );
  });
});

describe("learnFamiliarity with unlike images", () => {
  /** Both vary alike, and much, in all directions but the last, in which they differ. */
  const around = (middle: number) => () =>
    Float32Array.from({ length: width }, (_, i) => 3 + (i === width - 1 ? middle + 0.2 * random() : 4 * random()));
  const [like, unlike] = [around(2), around(-2)];
  const table = learnFamiliarity(many(like, 300), many(unlike, 200));
  const values = new Float32Array(Uint8Array.from(Buffer.from(table.values, "base64")).buffer);
  const score = (vector: Float32Array) => boundarySide(vector, values.subarray(0, width), values.subarray(width));

  it("tells both apart where the span of the one holds the other", () => {
    expect(table).toMatchObject({ kind: "boundary", dimensions: width, directions: 1 });
    const below = (vectors: Float32Array[]) => vectors.filter((vector) => score(vector) < table.threshold).length;
    expect([below(many(like, 200)), below(many(unlike, 200))]).toEqual([0, 200]);
  });

  it("gives the discriminant that a solved system gives", () => {
    // Two dimensions, known covariances: the normal is the inverse of the shrunk one times the difference of the means.
    const corners = (x: number) =>
      Array.from({ length: 100 }, (_, i) => Float32Array.of(x + ((i >> 1) % 2 ? 1 : -1), i % 2 ? 2 : -2));
    const fitted = (x: number) => corners(x).filter((_, i) => i % 5 !== 0);
    const { values, threshold } = learnFamiliarity(corners(3), corners(-3));
    const [x, y, nx, ny] = new Float32Array(Uint8Array.from(Buffer.from(values, "base64")).buffer);
    const [mean] = [fitted(3).reduce((sum, [a]) => sum + a!, 0) / 80];
    expect([x, y]).toEqual([mean - 3, 0]);
    const covariance = [1, 4].map((variance) => 0.9 * variance + 0.1 * 2.5);
    expect(nx).toBeCloseTo(6 / covariance[0]!, 4);
    expect([ny, threshold]).toEqual([expect.closeTo(0, 4), expect.closeTo(0.5, 1)]);
  });

  it("refuses few of either", () => {
    expect(() => learnFamiliarity(many(like, 100), many(unlike, 99))).toThrow(
      ocellusError("invalid_request", { found: 99, least: 100 }),
    );
  });
});
