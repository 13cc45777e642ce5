import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import type { Checkpoint } from "../checkpoint/index.js";
import { FamiliarImages, readFamiliarity, trainingNotes } from "./familiarity.js";

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
    [{ version: 1, trained_for: ["jason"] }, "trained_for.0"],
    [{ version: 1, images: { ...images, kind: "circle" } }, "images.kind"],
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

  it("scores by the side of a boundary, as a probability", () => {
    const familiar = new FamiliarImages({ ...images, kind: "boundary", values: floats(1, 1, 0, 2) });
    const score = (...vector: number[]) => familiar.of(String(vector), () => Float32Array.from(vector))?.score;
    expect([score(1, 1), score(9, 1)]).toEqual([0.5, 0.5]);
    expect([score(1, 1.5), score(1, 0.5)]).toEqual([1 / (1 + Math.exp(-1)), 1 / (1 + Math.exp(1))]);
  });
});

describe("trainingNotes", () => {
  const shown = (score: number) => ({ familiarity: { score, threshold: 0.5 } });
  const kinds = (...asked: Parameters<typeof trainingNotes>) => trainingNotes(...asked).map(({ kind }) => kind);

  it("has a note for images below the threshold and one for too many", () => {
    expect(kinds([shown(0.5), shown(0.9), {}], [], {})).toEqual([]);
    expect(kinds([shown(0.5), shown(0.4)], [], { imagesPerQuestion: 1 })).toEqual(["unlike_images", "many_images"]);
    const [unlike] = trainingNotes([shown(0.1), shown(0.9), shown(0.2)], [], {});
    expect([unlike!.text, unlike!.command]).toEqual([
      expect.stringMatching(/\b1, 3\b/),
      expect.stringContaining("pull"),
    ]);
  });

  it("has one for each form of answer that the checkpoint says it was not trained for", () => {
    expect(kinds([], ["json", "tools"], {})).toEqual([]);
    expect(kinds([], ["json", "tools"], { trainedFor: ["json"] })).toEqual(["tools"]);
    expect(kinds([], ["json"], { trainedFor: [] })).toEqual(["json"]);
    expect(kinds([], [], { trainedFor: [] })).toEqual([]);
  });
});
