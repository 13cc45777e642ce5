import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../../core/base/temporary-folder.testkit.js";
import { dataDigest, readExamples, splitByPicture, splitRehearsed, type TuneExample } from "./examples.js";

const folder = temporaryFolder();
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

let numFiles = 0;
async function written(...lines: (object | string)[]): Promise<string> {
  const path = join(folder, `${numFiles++}.jsonl`);
  await writeFile(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return path;
}

const read = async (...lines: (object | string)[]) => readExamples([await written(...lines)]);

const question = { question: "What is it?", answer: "A dot." };

describe("files of examples", () => {
  it("are read as evaluations read them, without what no one has reviewed, and with or without images", async () => {
    const graded = { ...question, accept: ["dot"], kind: "class", pattern: "dot", set: ["dot"], schema: { type: "string" } }; // biome-ignore format: one thought
    const path = await written(
      { image: pixel, label: { any: 1 }, questions: [graded, { ...question, reviewed: false }] },
      "",
      { questions: [question] },
    );
    const found = await readExamples([path]);
    expect(found[0]).toMatchObject(graded); // an evaluation of before and after grades by it
    expect(await readExamples([path], { unreviewed: true })).toHaveLength(3);
    expect(found.map(({ images, kind, accept }) => [images.length, kind, accept])).toEqual([
      [1, "class", ["dot"]],
      [0, "question", []],
    ]);
  });

  it.each([
    ["an unknown field", { image: pixel, questions: [{ ...question, anser: "x" }] }],
    ["an unknown field beside the image", { image: pixel, prompt: "x", questions: [question] }],
    ["an empty answer", { image: pixel, questions: [{ ...question, answer: "  " }] }],
    ["a pattern that is none", { image: pixel, questions: [{ ...question, pattern: "(" }] }],
    ["no answer", { image: pixel, questions: [{ question: "What?", set: ["a"] }] }],
    ["no question", { image: pixel, questions: [] }],
    ["a missing image", { image: "nowhere.png", questions: [question] }],
    ["a folder as an image", { image: ".", questions: [question] }],
    ["an image elsewhere", { image: "https://example.org/a.png", questions: [question] }],
    ["further images without a first", { more: [pixel], questions: [question] }],
    ["no JSON", "{"],
  ])("are refused with %s, by line", async (_, line) => {
    await expect(read({ questions: [question] }, line)).rejects.toThrow(
      ocellusError("invalid_file", { problems: [expect.stringContaining(":2:")] }),
    );
  });

  it("are refused where there are none", async () => {
    await expect(readExamples([join(folder, "none.jsonl")])).rejects.toThrow(ocellusError("not_found"));
  });
});

const example = (pictures: readonly string[], n: number): TuneExample => ({
  ...{ question: `${n}`, answer: "x", pictures, images: pictures, accept: [], kind: "", scene: "", language: "", reviewed: true }, // biome-ignore format: one thought
  origin: `f:${n}`,
});

it("of questions without an image, an equal line is the same, wherever it stands", async () => {
  const [[first], [, second]] = [await read({ questions: [question] }), await read("", { questions: [{ ...question, answer: "x" }] }, { questions: [question] })]; // biome-ignore format: one thought
  expect(second!.pictures).toEqual(first!.pictures);
});

describe("what is held out", () => {
  const sets = fc
    .array(fc.array(fc.nat(30).map(String), { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 40 })
    .map((lists) => lists.map(example));

  it("shares no picture with what is learnt, and both sides have some", () => {
    fc.assert(
      fc.property(sets, fc.double({ min: 0.01, max: 0.9, noNaN: true }), fc.nat(9), (all, share, seed) => {
        let split: ReturnType<typeof splitByPicture>;
        try {
          split = splitByPicture(all, share, seed);
        } catch (error) {
          expect(error).toEqual(ocellusError("invalid_request", { expected: 2, found: 1 }));
          return;
        }
        const learnt = new Set(split.train.flatMap(({ pictures }) => pictures));
        expect(split.heldOut.flatMap(({ pictures }) => pictures).filter((each) => learnt.has(each))).toEqual([]);
        expect(split.train.length + split.heldOut.length).toBe(all.length);
        expect(Math.min(split.train.length, split.heldOut.length)).toBeGreaterThan(0);
        const again = splitByPicture(all.toReversed(), share, seed);
        expect(new Set(again.heldOut)).toEqual(new Set(split.heldOut));
      }),
    );
  });

  it("of what is rehearsed is learnt from on neither side", () => {
    fc.assert(
      fc.property(
        sets,
        fc.array(sets, { maxLength: 1 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        (all, [old = []], share) => {
          // biome-ignore format: one thought
          let split: ReturnType<typeof splitByPicture>;
          try {
            split = splitByPicture(all, share, 0);
          } catch {
            return; // one group
          }
          const { train, heldOut } = splitRehearsed(old, split, { heldOut: share, seed: 0, rehearsalRatio: 1 });
          const held = new Set([...split.heldOut, ...heldOut].flatMap(({ pictures }) => pictures));
          const learnt = [...split.train, ...train].flatMap(({ pictures }) => pictures);
          expect(learnt.filter((each) => held.has(each))).toEqual([]);
        },
      ),
    );
    const apart = Array.from({ length: 10 }, (_, n) => example([`old ${n}`], n));
    const recipe = { heldOut: 0.2, seed: 0, rehearsalRatio: 1 };
    const numHeld = (heldOut: readonly TuneExample[]) => splitRehearsed(apart, { train: [], heldOut }, recipe).heldOut.length; // biome-ignore format: one thought
    expect([numHeld([example(["a"], 0)]), numHeld([example(["a", "b", "c"], 0)])]).toEqual([1, 2]);
  });

  it("needs two pictures", () => {
    const one = [example(["a"], 0), example(["a"], 1)];
    expect(() => splitByPicture(one, 0.5, 0)).toThrow(ocellusError("invalid_request", { expected: 2, found: 1 }));
  });
});

it("another question, answer or image is other data; another name of a file is not", () => {
  const [first] = [example(["a"], 0)];
  const moved = { ...first!, images: ["elsewhere"], origin: "g:1" };
  expect(dataDigest([moved])).toBe(dataDigest([first!]));
  const others = [
    { ...first!, question: "?" },
    { ...first!, answer: "y" },
    { ...first!, pictures: ["b"] },
  ];
  expect(new Set([first!, ...others].map((each) => dataDigest([each]))).size).toBe(4);
});
