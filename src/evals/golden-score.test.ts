import { describe, expect, it } from "vitest";
import type { GoldenAnswer, GoldenResult } from "./golden-result.js";
import { compareGolden, mcnemar, scoreGolden } from "./golden-score.js";

const answer = (index: number, correct: boolean, more: Partial<GoldenAnswer> = {}): GoldenAnswer => ({
  ...{
    id: `q${index}`,
    index,
    origin: `set.jsonl:${index + 1}`,
    kind: "class",
    scene: "",
    language: "",
    match: "exact",
  },
  ...{ question: "?", expected: "a", text: correct ? "a" : "b", correct, ...more },
});

const result = (name: string, answers: readonly GoldenAnswer[]): GoldenResult => ({
  ...{ golden: 1, path: `${name}.golden`, at: "2026-01-01T00:00:00Z", version: { name } },
  set: { path: "set.jsonl", digest: "d", questions: answers.length },
  answers,
});

describe("mcnemar", () => {
  // Reference: the same sum of binomial coefficients in Python's whole numbers (math.comb, fractions).
  it.each([
    [0, 0, 1],
    [1, 2, 1],
    [5, 17, 0.01690053939819336],
    [0, 6, 0.03125],
    [10, 10, 1],
    [300, 400, 0.00017847631448562445],
    [1000, 1200, 2.1817026407914712e-5],
  ])("of %i gained and %i lost is %f, and as much the other way round", (gained, lost, p) => {
    expect(mcnemar(gained, lost) / p).toBeCloseTo(1, 9);
    expect(mcnemar(lost, gained)).toBe(mcnemar(gained, lost));
  });
});

describe("scoreGolden", () => {
  it("counts all, by kind and by match", () => {
    const answers = [answer(0, true), answer(1, false), answer(2, true, { kind: "price", match: "pattern" })];
    const { all, byKind, byMatch } = scoreGolden(answers);
    expect(all).toMatchObject({ questions: 3, correct: 2, accuracy: 2 / 3 });
    expect(byKind.map(({ group, questions, correct }) => [group, questions, correct])).toEqual([
      ["class", 2, 1],
      ["price", 1, 1],
    ]);
    expect(byMatch.map(({ group, correct }) => [group, correct])).toEqual([
      ["exact", 1],
      ["pattern", 1],
    ]);
  });
});

describe("compareGolden", () => {
  const many = (isRight: (i: number) => boolean) => Array.from({ length: 200 }, (_, i) => answer(i, isRight(i)));
  const a = result(
    "a",
    many((i) => i >= 10),
  );

  it("says that B is worse where chance hardly shows as much", () => {
    const found = compareGolden(
      a,
      result(
        "b",
        many((i) => i >= 25 || i < 2),
      ),
    )!;
    expect(found.all).toMatchObject({
      questions: 200,
      correctA: 190,
      correctB: 177,
      gained: 2,
      lost: 15,
      points: -6.5,
    });
    expect(found.all.high).toBeLessThan(0);
    expect(found.sentence).toMatch(
      /^B answers worse than A: of 200 questions B gets 15 wrong that A gets right, and 2 right that A gets wrong: −6\.5 points \(95 % interval −\d+\.\d to −\d\.\d\); .* probability of 0\.0023\.$/,
    );
    expect(found.changed.map((pair) => pair.b.correct)).toEqual([...Array(15).fill(false), true, true]);
  });

  it("claims nothing that chance shows easily, nor where nothing changed", () => {
    expect(
      compareGolden(
        a,
        result(
          "b",
          many((i) => i >= 12),
        ),
      )!.sentence,
    ).toMatch(/^No difference can be told: /);
    expect(compareGolden(a, a)!.sentence).toBe("B is right and wrong where A is, on all 200 questions.");
  });

  it("compares what both have answered, and nothing when that is nothing", () => {
    expect(compareGolden(a, result("b", many(() => true).slice(0, 50)))!.all).toMatchObject({
      questions: 50,
      gained: 10,
    });
    expect(compareGolden(a, result("b", [answer(999, true)]))).toBeUndefined();
  });
});
