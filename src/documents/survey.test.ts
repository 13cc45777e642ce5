import { describe, expect, it } from "vitest";
import type { PageLine } from "./page.js";
import { isRepeated, repeatedOf } from "./survey.js";

const at = (text: string, top: number): PageLine => ({ text, box: [0, top, 100, top + 10] });

describe("what several pages repeat in their margins", () => {
  const pages = [1, 2, 3].map((n) => ({
    height: 800,
    lines: [at(`Chapter ${n}`, 30), at("Filters", 300), at(`only here ${"abc"[n]}`, 40), at("xii", 780)],
  }));
  const repeated = repeatedOf(pages);

  it("is found whatever its numbers are", () => {
    expect([...repeated].sort()).toEqual(["#", "Chapter #"]);
    expect(isRepeated(at("Chapter 77", 20), 800, repeated)).toBe(true);
    expect(isRepeated(at("77", 760), 800, repeated)).toBe(true);
  });

  it("is text in the middle of a page, and where it stands on fewer pages", () => {
    expect(isRepeated(at("Chapter 77", 300), 800, repeated)).toBe(false);
    expect(repeatedOf(pages.slice(1)).size).toBe(0);
  });
});
