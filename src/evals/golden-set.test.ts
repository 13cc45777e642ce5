/** Golden sets: what evaluation files may hold and a golden set may not. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readGoldenSet } from "./golden-set.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ocellus-golden-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A set of these lines, all about one picture unless they say another. */
async function write(...lines: readonly object[]): Promise<string> {
  const path = join(folder, "a.jsonl");
  await writeFile(path, lines.map((line) => JSON.stringify({ image, ...line })).join("\n"));
  return path;
}
const image = "data:image/png;base64,AA==";
const asks = (...questions: readonly object[]) => ({
  questions: questions.map((more) => ({ question: "Q", ...more })),
});

const refused = (path: string) =>
  readGoldenSet(path).then(
    () => [],
    ({ code, details }) => (code === "invalid_file" ? (details.problems as string[]) : [code]),
  );

describe("readGoldenSet", () => {
  it("refuses a question about several pictures, and names it", async () => {
    const path = join(folder, "a.jsonl");
    const image = "data:image/png;base64,AA==";
    const questions = [{ question: "The same?", answer: "Yes." }];
    await writeFile(path, JSON.stringify({ image, more: [image], questions }));
    await expect(readGoldenSet(path)).rejects.toMatchObject({
      code: "invalid_file",
      message: expect.stringContaining("a.jsonl:1: more"),
    });
  });

  it("tells all that is wrong at once, by line and field, with the nearest names", async () => {
    const path = await write(
      asks({ anwser: "a" }),
      asks({ answer: "a" }),
      { ...asks({ answer: "a" }), images: [] },
      { questions: [] },
      asks({ answer: "a", reviewd: false }, { answer: "..." }),
    );
    expect(await refused(path)).toEqual([
      expect.stringMatching(/:1: questions.0: there is no field anwser \(nearest: answer/),
      expect.stringMatching(/:1: questions.0: expected an answer/),
      expect.stringMatching(/:3: there is no field images/),
      expect.stringMatching(/:4: questions: expected at least 1 entry/),
      expect.stringMatching(/:5: questions.0: there is no field reviewd \(nearest: reviewed/),
      expect.stringMatching(/:5: questions.1.answer: expected words/),
    ]);
  });

  it("stops telling after a hundred", async () => {
    const path = await write(...Array.from({ length: 1000 }, () => asks({})));
    expect(await refused(path)).toHaveLength(100);
  });

  it.each([
    [{ answer: "yes" }, { answer: "no" }],
    [{ answer: "yes" }, { set: ["no", "yes"] }],
    [{ set: ["red"] }, { set: ["red", "blue"] }],
    [{ answer: "12" }, { pattern: "^\\d$" }],
    [{ schema: { type: "integer" } }, { answer: "twelve" }],
  ])("refuses %j and %j to the same question about the same picture, with both lines", async (a, b) => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      const path = await write(asks(one!), { image: "data:image/png;base64,BB==", ...asks(other!) }, asks(other!));
      expect(await refused(path)).toEqual([expect.stringMatching(/a\.jsonl:3: "Q" has another .* at .*a\.jsonl:1,/)]);
    }
  });

  it("knows a picture by what is in it, whatever it is called", async () => {
    for (const name of ["a.png", "b.png"]) await writeFile(join(folder, name), "the same");
    const path = await write(
      { image: "a.png", ...asks({ answer: "1" }) },
      { image: "b.png", ...asks({ answer: "2" }) },
    );
    expect(await refused(path)).toHaveLength(1);
  });

  it.each([
    [{ answer: "Yes." }, { answer: "yes" }],
    [{ answer: "yes" }, { answer: "no", accept: ["YES!"] }],
    [{ answer: "red and blue" }, { set: ["blue", "red"] }],
    [{ answer: "It is 12." }, { pattern: "\\d" }],
    [{ pattern: "a" }, { pattern: "^b$" }],
    [{ answer: "yes" }, { answer: "no", reviewed: false }],
  ])("takes %j and %j, which agree or may", async (a, b) => {
    expect(await refused(await write(asks(a), asks(b)))).toEqual([]);
  });
});
