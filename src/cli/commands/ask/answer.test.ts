import { expect, it } from "vitest";
import { printAnswerNotes } from "./answer.js";

it.each([
  ["length", true],
  ["stop", false],
] as const)("an answer that ended by %s has a note that it was cut: %s", (finishReason, isCut) => {
  const written: string[] = [];
  const stderr = { isTTY: false, write: (text: string) => written.push(text) };
  const usage = { promptTokens: 9, cachedTokens: 0, completionTokens: 12, reasoningTokens: 0 };
  printAnswerNotes({ stderr } as never, { finishReason, usage } as never);
  expect(/12 tokens.*--max-tokens/.test(written.join(""))).toBe(isCut);
});
