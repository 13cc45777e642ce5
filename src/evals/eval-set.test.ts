import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { isCorrect } from "./eval-score.js";
import {
  chooseCases,
  type EvalCase,
  groupName,
  imagesOf,
  matchKindOf,
  readEvalFiles,
  readGoals,
  reviewedCases,
} from "./eval-set.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ocellus-eval-"));
});
afterEach(() => rm(folder, { recursive: true }));

const question = { kind: "class", scene: "one", language: "en", question: "What is this?", answer: "A bag." };
const write = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};

describe("readEvalFiles", () => {
  it("makes one case of each question, with pictures relative to the file and data: URLs as they are", async () => {
    const path = await write(
      "a.jsonl",
      `${JSON.stringify({ image: "bag.png", questions: [question, { ...question, scene: undefined }] })}\n\n` +
        `${JSON.stringify({ image: "data:image/png;base64,AA==", questions: [question], label: {} })}\n`,
    );
    const cases = await readEvalFiles([path]);
    expect(cases.map((c) => c.image)).toEqual([
      join(folder, "bag.png"),
      join(folder, "bag.png"),
      "data:image/png;base64,AA==",
    ]);
    expect(cases.map(groupName)).toEqual(["class/one", "class", "class/one"]);
    expect(cases[2]!.origin).toBe(`${path}:3`);
    expect(cases[0]!.accept).toEqual([]);
  });

  it("shows the pictures of `more` after the first, each placed as it is", async () => {
    const path = await write("m.jsonl", JSON.stringify({ image: "a.png", more: ["b.png"], questions: [question] }));
    const [found] = await readEvalFiles([path]);
    expect(imagesOf(found!)).toEqual([join(folder, "a.png"), join(folder, "b.png")]);
    expect(imagesOf({ image: "a.png" })).toEqual(["a.png"]);
  });

  it("names the file and line of what it cannot read", async () => {
    const broken = await write("b.jsonl", `${JSON.stringify({ image: "a.png", questions: [question] })}\n{"image": `);
    await expect(readEvalFiles([broken])).rejects.toThrow(
      ocellusError("invalid_file", { problems: [expect.stringContaining("b.jsonl:2")] }),
    );
    const wrong = await write("c.jsonl", JSON.stringify({ image: "a.png", questions: [{ kind: "class" }] }));
    await expect(readEvalFiles([wrong])).rejects.toThrow(
      ocellusError("invalid_file", { problems: [expect.stringMatching(/c\.jsonl:1: questions\.0\.question/)] }),
    );
    await expect(readEvalFiles([join(folder, "none.jsonl")])).rejects.toMatchObject({ code: "not_found" });
  });

  it("reads the .jsonl files of a folder, and questions of which only the answer is known", async () => {
    const short = (answer: object) => JSON.stringify({ image: "a.png", questions: [{ question: "?", ...answer }] });
    await write("b.jsonl", short({ set: ["red"], reviewed: false }));
    await write("a.jsonl", `${short({ pattern: "x" })}\n${short({ schema: { type: "string" } })}`);
    const cases = await readEvalFiles([folder]);
    expect(cases.map(matchKindOf)).toEqual(["pattern", "schema", "set"]);
    expect(reviewedCases(cases)).toMatchObject({ cases: [{}, {}], numUnreviewed: 1 });
    expect(chooseCases(cases)).toHaveLength(2);
  });

  it("reads the example of docs/golden.md", async () => {
    const page = await readFile(new URL("../../docs/golden.md", import.meta.url), "utf8");
    const [, example] = /```json\n(.*?)```/s.exec(page)!;
    const cases = await readEvalFiles([await write("a.jsonl", example!.replace(/\n/g, " "))]);
    expect(cases.map(matchKindOf)).toEqual(["exact", "set", "pattern", "schema", "exact"]);
    expect(isCorrect("It is $12.", cases[2]!)).toBe(true);
    expect(cases.map(({ reviewed }) => reviewed)).toEqual([true, true, true, true, false]);
  });

  it.each([
    [{}, /a\.jsonl:1: questions\.0: .*answer.*schema/],
    [{ pattern: "(a" }, /a\.jsonl:1: questions\.0\.pattern: .*"\(a"/],
    [{ pattern: "\\ba" }, /a\.jsonl:1: questions\.0\.pattern: .*\\b/],
    [{ schema: { type: "text" } }, /a\.jsonl:1: questions\.0\.schema: .*#\/type/],
    [{ answer: "" }, /a\.jsonl:1: questions\.0\.answer/],
  ])("refuses %j, naming the place", async (answer, problem) => {
    const path = await write("a.jsonl", JSON.stringify({ image: "a.png", questions: [{ question: "?", ...answer }] }));
    await expect(readEvalFiles([path])).rejects.toThrow(
      ocellusError("invalid_file", { problems: [expect.stringMatching(problem)] }),
    );
  });
});

describe("the package's sample", () => {
  it("is every 25th picture of the exam in eval/, and is asked where no file is named", async () => {
    const exam = await readEvalFiles([fileURLToPath(new URL("../../eval", import.meta.url))]);
    const images = [...new Set(exam.map(({ origin }) => origin))].filter((_, i) => i % 25 === 0);
    const withoutOrigin = ({ origin, ...found }: EvalCase) => found;
    expect((await readEvalFiles([])).map(withoutOrigin)).toEqual(
      exam.filter(({ origin }) => images.includes(origin)).map(withoutOrigin),
    );
  });
});

describe("chooseCases", () => {
  const cases = ["en", "en", "zh"].flatMap((language) =>
    ["class", "count"].map((kind) => ({
      ...question,
      kind,
      language,
      accept: [],
      reviewed: true,
      image: "",
      origin: "",
    })),
  );

  it("limits each kind, scene and language on its own", () => {
    expect(chooseCases(cases, undefined, 1).map((c) => `${c.kind} ${c.language}`)).toEqual([
      "class en",
      "count en",
      "class zh",
      "count zh",
    ]);
  });

  it("takes kinds with or without their scene", () => {
    expect(chooseCases(cases, ["count"])).toHaveLength(3);
    expect(chooseCases(cases, ["class/one"])).toHaveLength(3);
    expect(chooseCases(cases, ["class/many"])).toHaveLength(0);
  });
});

describe("readGoals", () => {
  it("reads goals.json beside the first file, and none when there is none", async () => {
    const file = join(folder, "a.jsonl");
    expect(await readGoals([file])).toEqual({});
    await write("goals.json", '{"class/one": 88, "count": 97}');
    for (const place of [file, folder]) expect(await readGoals([place])).toEqual({ "class/one": 88, count: 97 });
  });

  it("refuses goals that are no per cent", async () => {
    await write("goals.json", '{"class": 880}');
    await expect(readGoals([join(folder, "a.jsonl")])).rejects.toMatchObject({ code: "invalid_file" });
  });
});
