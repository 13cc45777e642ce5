import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { spanCosine } from "../core/runtime/index.js";
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
