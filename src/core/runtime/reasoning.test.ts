import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReasoningParser, reasoningStart, thinkingOf } from "./reasoning.js";

function splitReasoning(text: string, isOpened: boolean) {
  const parser = new ReasoningParser(isOpened);
  const [most, rest] = [parser.push(text), parser.flush()];
  return { reasoning: most.reasoning + rest.reasoning, content: most.content + rest.content };
}

describe("splitReasoning", () => {
  it.each([
    ["<think>\nIt is red.\n</think>\n\nRed.", false, "It is red.", "Red."],
    ["\n<think>a</think>b", false, "a", "b"],
    ["<think>\n\n</think>\n\nRed.", false, "", "Red."],
    ["It is red.\n</think>\n\nRed.", true, "It is red.", "Red."],
    ["<think>\nIt is red.</think>Red.", true, "It is red.", "Red."], // the tag once more
    ["Red.", false, "", "Red."],
    ["  Red.\n", false, "", "  Red.\n"],
    ["Red. <think>no thought</think>", false, "", "Red. <think>no thought</think>"],
    ["a</think>b</think> <think>c", true, "a", "b</think> <think>c"],
    ["still thinking", true, "still thinking", ""],
    ["still thinking\n", true, "still thinking", ""],
    ["<think>still", false, "still", ""],
    ["a </thi", true, "a </thi", ""], // ends in the middle of the tag
    ["a < / think>", true, "a < / think>", ""],
    ["a</thin</think>b", true, "a</thin", "b"],
    ["a<think>b</think>c", true, "a<think>b", "c"],
    ["<thi", false, "", "<thi"],
    ["<thi", true, "<thi", ""],
    ["<think", false, "", "<think"],
    ["<thing>", false, "", "<thing>"],
    ["a</think>", true, "a", ""],
    ["a</think>\n\n", true, "a", ""],
    ["", true, "", ""],
    ["", false, "", ""],
    [" \n", false, "", " \n"],
  ])("of %j (opened by the prompt: %s) gives %j and %j", (text, isOpened, reasoning, content) => {
    expect(splitReasoning(text, isOpened)).toEqual({ reasoning, content });
  });
});

it("gives a stream the same as the whole, however it is cut, and never takes anything back", () => {
  const texts = fc
    .array(fc.constantFrom("<think>", "</think>", "</thi", "nk>", "<", "/", " ", "\n\n", "Red", "."), { maxLength: 10 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(
      texts,
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      (text, isOpened, cuts) => {
        const parser = new ReasoningParser(isOpened);
        const pieces = [];
        for (let [at, n] = [0, 0]; at < text.length; n++) {
          const end = at + cuts[n % cuts.length]!;
          pieces.push(parser.push(text.slice(at, end)));
          at = end;
        }
        pieces.push(parser.flush());
        const joined = {
          reasoning: pieces.map(({ reasoning }) => reasoning).join(""),
          content: pieces.map(({ content }) => content).join(""),
        };
        expect(joined).toEqual(splitReasoning(text, isOpened));
        const firstContent = pieces.findIndex(({ content }) => content !== "");
        if (firstContent >= 0)
          expect(pieces.slice(firstContent + 1).every(({ reasoning }) => reasoning === "")).toBe(true);
      },
    ),
    { seed: 35, numRuns: 3000 },
  );
});

it.each([
  ["<|im_start|>assistant\n<think>\n", "", "opened"],
  ["<|im_start|>assistant\n<think>", "", "opened"],
  ["<|im_start|>assistant\n<think>\n\n</think>\n\n", "", undefined],
  ["<|im_start|>assistant\n", "", "possible"],
  ["", "", "possible"],
  ["<|im_start|>assistant\n<think>\n\n</think>\n\nIt is", "It is", undefined],
  ["<|im_start|>assistant\n<think>It is", "<think>It is", "opened"],
  ["<|im_start|>assistant\n<think>a</think>It is", "<think>a</think>It is", undefined],
])("begins behind the prompt %j, continuing %j: %s", (prompt, begun, start) => {
  expect(reasoningStart(prompt, "hybrid", begun)).toBe(start);
  expect(reasoningStart(prompt, undefined, begun)).toBeUndefined();
});

it.each([
  ["{% if enable_thinking %}", "hybrid"],
  ["{{ '<think>' }}", "always"],
  ["{{ m.content.split('</think>')[-1] }}", "always"],
  ["{{ m.content }}", undefined],
  [undefined, undefined],
])("of the template %s is %s", (template, thinking) => {
  expect(thinkingOf(template)).toBe(thinking);
});
