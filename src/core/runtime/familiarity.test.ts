import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { Checkpoint } from "../checkpoint/index.js";
import { FamiliarImages, imageNotes, readFamiliarity } from "./familiarity.js";

const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString("base64");
const images = { dimensions: 2, directions: 1, threshold: 0.5, values: floats(1, 1, 0, 1) };
const read = (json: unknown) => readFamiliarity({ path: "here", readJson: async () => json } as unknown as Checkpoint);

describe("readFamiliarity", () => {
  it("reads a table, or what is there without one, and nothing where there is no file", async () => {
    expect(await read(undefined)).toBeUndefined();
    expect(await read({ version: 1, images })).toEqual({ version: 1, images });
    expect(await read({ version: 1, images_per_question: 3 })).toEqual({ version: 1, images_per_question: 3 });
  });

  it.each([
    [{ version: 2 }, "version"],
    [{ version: 1, images_per_question: 0 }, "images_per_question"],
    [{ version: 1, images: { ...images, threshold: 2 } }, "images.threshold"],
    [{ version: 1, images: { ...images, directions: 1e9 } }, "images.directions"],
    [{ version: 1, images: { ...images, values: floats(1, 1) } }, "images.values"],
    [{ version: 1, images: { ...images, values: "%" } }, "images.values"],
  ])("refuses %j", async (json, field) => {
    await expect(read(json)).rejects.toThrow(ocellusError("invalid_file", { path: "here/familiarity.json", field }));
  });
});

describe("FamiliarImages", () => {
  it("scores by the span around the mean, and remembers the score of an image whose vector is not there", () => {
    const familiar = new FamiliarImages(images);
    const score = (key: string, ...vector: number[]) => familiar.of(key, () => Float32Array.from(vector))?.score;
    expect([score("along", 1, 5), score("across", 4, 1), score("mean", 1, 1)]).toEqual([1, 0, 1]);
    expect(score("between", 2, 2)).toBeCloseTo(Math.SQRT1_2, 6);
    expect(familiar.of("across", () => undefined)).toEqual({ score: 0, threshold: 0.5 });
    expect(familiar.of("never seen", () => undefined)).toBeUndefined();
    expect(score("of another encoder", 1, 2, 3)).toBeUndefined();
  });
});

describe("imageNotes", () => {
  const shown = (score: number) => ({ familiarity: { score, threshold: 0.5 } });

  it("has a line for images below the threshold and one for too many", () => {
    expect(imageNotes([shown(0.5), shown(0.9), {}])).toEqual([]);
    expect(imageNotes([shown(0.4)], 1)).toEqual([expect.stringMatching(/^image 1 .*ocellus pull /)]);
    const notes = imageNotes([shown(0.1), shown(0.9), shown(0.2)], 2);
    expect(notes).toEqual([expect.stringMatching(/^images 1, 3 /), expect.stringMatching(/\b2\b.*\b3$/)]);
  });
});
