import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxBetween, boxByKey, isLargeEnough, leastSide, middleBox } from "./mark-part.js";
import { type Box, placeInWords, questionAbout, withRegion } from "./region.js";

const corner = fc.tuple(fc.double({ min: -1, max: 2, noNaN: true }), fc.double({ min: -1, max: 2, noNaN: true }));
const key = fc.tuple(fc.constantFrom("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"), fc.boolean());

function expectWithin([left, top, right, bottom]: Box): void {
  for (const side of [left, top, right, bottom]) {
    expect(side).toBeGreaterThanOrEqual(-1e-9);
    expect(side).toBeLessThanOrEqual(1 + 1e-9);
  }
  expect(right).toBeGreaterThanOrEqual(left);
  expect(bottom).toBeGreaterThanOrEqual(top);
}

describe("a marked part", () => {
  it("lies on the picture whichever corner the pointer began at", () => {
    fc.assert(
      fc.property(corner, corner, (a, b) => {
        expectWithin(boxBetween(a, b));
        expect(boxBetween(a, b)).toEqual(boxBetween(b, a));
      }),
    );
  });

  it("stays on the picture and keeps its size while arrow keys move it, and has one whatever resizes it", () => {
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
        let box: Box = middleBox;
        for (const [name, isResizing] of keys) {
          const next = boxByKey(box, name, isResizing)!;
          expectWithin(next);
          if (!isResizing) expect(next[2] - next[0]).toBeCloseTo(box[2] - box[0], 9);
          expect(isLargeEnough(next)).toBe(true);
          box = next;
        }
      }),
    );
    expect(boxByKey(middleBox, "a", false)).toBeUndefined();
    expect(isLargeEnough([0, 0, leastSide / 2, 1])).toBe(false);
  });
});

describe("a question about a part", () => {
  const picture = (id: string) => ({ id, name: id, width: 10, height: 10 });
  const region = { whole: picture("a"), crop: picture("part"), box: [0.1, 0.2, 0.5, 1] as const };
  const ids = (names: readonly string[]) => withRegion(names.map(picture), region).map(({ id }) => id);

  it("has the part behind its whole, which comes along where it is not there", () => {
    expect(ids(["b", "a", "c"])).toEqual(["b", "a", "part", "c"]);
    expect(ids(["b"])).toEqual(["b", "a", "part"]);
    expect(ids([])).toEqual(["a", "part"]);
    expect(withRegion([picture("b")], undefined).map(({ id }) => id)).toEqual(["b"]);
  });

  it("names the place as the family writes places, and not where its numbers cannot be known", () => {
    const whole = { width: 1000, height: 700 };
    const words = (model_type: string, places?: "thousandths" | "scaled_pixels") =>
      placeInWords(region.box, { model_type, places, device: "cpu" }, whole);
    expect(words("qwen3_vl", "thousandths")).toBe('{"bbox_2d": [100, 200, 500, 1000]}');
    expect(words("qwen2_vl", "thousandths")).toBe("(100,200),(500,1000)");
    expect(words("internvl", "thousandths")).toBe("[[100, 200, 500, 1000]]");
    expect(words("minicpmv", "thousandths")).toBe("100 200 500 1000");
    expect(words("qwen2_5_vl", "scaled_pixels")).toBeUndefined();
    expect(words("qwen3_vl_resampler")).toBeUndefined();
  });

  it("is in pixels of the picture as it is scaled, for a family that counts so, by its bounds and the question's", () => {
    const resize = { block: 28, min_pixels: 28 * 28, max_pixels: 12_845_056 };
    const abilities = { model_type: "qwen2_5_vl", places: "scaled_pixels", resize, device: "cpu" } as const;
    const words = (width: number, height: number, bounds = {}) =>
      placeInWords(region.box, abilities, { width, height }, bounds);
    // 1000 × 700 become 1008 × 700 (transformers smart_resize); with at most 200,000 pixels, 532 × 364.
    expect(words(1000, 700)).toBe('{"bbox_2d": [101, 140, 504, 700]}');
    expect(words(1000, 700, { max: 200_000 })).toBe('{"bbox_2d": [53, 73, 266, 364]}');
    expect(words(10, 10)).toBe('{"bbox_2d": [3, 6, 14, 28]}');
    expect(words(10_000, 10)).toBeUndefined(); // a strip: refused
  });

  it("is told in the language that it is asked in", () => {
    expect(questionAbout("What is this?", "(1,2),(3,4)", 2)).toMatch(
      /^What is this\?\n.*\(1,2\),\(3,4\) in image 2 .*image 3/,
    );
    expect(questionAbout("这是什么？", "1 2 3 4", 1)).toMatch(/^这是什么？\n.*第 1 张.*1 2 3 4.*第 2 张/);
    expect(questionAbout("", "1 2 3 4", 1)).not.toMatch(/^\n/);
  });
});
