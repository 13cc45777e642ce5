import { describe, expect, it } from "vitest";
import { printableJson, printableScreen, printableWords } from "../../core/base/index.js";
import { logAsText } from "./serve-log.js";
import { coloursFor } from "./terminal.js";

const colours = coloursFor({ isTTY: false } as NodeJS.WriteStream);
/** A line of its own, a clear screen, a window's title, C1, marks that turn text around, line ends of Unicode. */
const evil =
  "\n12:00:00 POST /admin/v1/aliases/prod/promote 200 in 3 ms\r\u001b[2J\u001b]0;owned\u0007\u009b2J\u202e\u2028\u061c";
const commands = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("a line of the log, whatever is in a request", () => {
  const line = {
    ...{ level: 50, time: 0, method: `GET${evil}`, path: `/x${evil}`, status: 404, ms: 1, owner: evil, model: evil },
    ...{ promptTokens: 1, problem: evil },
  };

  it.each([line, { level: 30, time: 0, msg: evil }])("is one line as text", (fields) => {
    const text = logAsText(JSON.stringify(fields), colours);
    expect(text.replace(/\n$/, "")).not.toMatch(commands);
  });

  it("is followed by a stack whose lines are indented", () => {
    const err = { stack: `Error: ${evil}\n    at ${evil} (file.ts:1:1)` };
    const lines = logAsText(JSON.stringify({ ...line, err }), colours)
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeGreaterThan(2);
    for (const each of lines.slice(1)) expect(each).toMatch(/^ {4}[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
  });

  it("is one line as JSON, and the same JSON", () => {
    const json = `${JSON.stringify({ ...line, path: "\u009b\u{e0041}" })}\n`;
    const safe = printableJson(json);
    expect(safe.replace(/\n$/, "")).not.toMatch(commands);
    expect(JSON.parse(safe)).toEqual(JSON.parse(json));
  });
});

describe("a terminal", () => {
  it("gets a model's words with their lines, tabs and joined signs, and no commands", () => {
    const words = "one\n\ttwo 👩‍👩‍👧 مرحبا";
    expect(printableWords(words)).toBe(words);
    expect(printableWords(`${words}${evil}`).replaceAll("\n", "")).not.toMatch(/[^\P{Cc}\t]/u);
  });

  it("gets our colours, and nothing else that commands it", () => {
    const red = coloursFor({ isTTY: true } as NodeJS.WriteStream).red("red\nlines");
    expect(printableScreen(red)).toBe(red);
    const screen = printableScreen(`${red}${evil}\u009b[31m`);
    expect(screen.startsWith(red)).toBe(true);
    expect(screen.slice(red.length).replaceAll("\n", "")).not.toMatch(commands);
  });
});
