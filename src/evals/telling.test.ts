import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkAnswerTells, checkPatternTells, checkSchemaTells, checkSetTells } from "./telling.js";

const refusal = (check: () => void): string | undefined => {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("what finds every answer right", () => {
  it.each(["", ".*", "a*", ".+", "(a|b)?", "[\\s\\S]", "^.*$", "x|[^x]", "\\S", "^"])("pattern %j", (pattern) => {
    expect(refusal(() => checkPatternTells(pattern))).toBe("invalid_request");
  });

  it.each(["a", "^\\d+$", "^.{1,100}$", "red|blue", "(a+)+$", "\\$ ?12(\\.00)?", "^$", "^\\S+$"])(
    "not %j",
    (pattern) => {
      expect(refusal(() => checkPatternTells(pattern))).toBeUndefined();
    },
  );

  it("no pattern of words", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{2,12}$/), (word) => {
        expect(refusal(() => checkPatternTells(word))).toBeUndefined();
      }),
    );
  });

  it("a schema that all JSON satisfies", () => {
    expect(refusal(() => checkSchemaTells({}))).toBe("invalid_request");
    expect(refusal(() => checkSchemaTells({ type: ["string", "number"] }))).toBeUndefined();
    expect(refusal(() => checkSchemaTells({ type: "object" }))).toBeUndefined();
  });
});

describe("what an empty answer would be right for", () => {
  it.each(["", " ", ".", "。！", "!!"])("answer %j", (answer) => {
    expect(refusal(() => checkAnswerTells(answer))).toBe("invalid_request");
  });

  it.each([[[]], [["and"]], [[",", "、"]], [["red", "Red."]], [["a, b", "b"]]])(
    "set %j, or a set with an item twice",
    (set) => {
      expect(refusal(() => checkSetTells(set))).toBe("invalid_request");
    },
  );

  it("not a word, or items that differ", () => {
    expect(refusal(() => checkAnswerTells("no!"))).toBeUndefined();
    expect(refusal(() => checkSetTells(["red", "红色"]))).toBeUndefined();
  });
});
