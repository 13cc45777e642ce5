import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globMatcher } from "./glob.js";

describe("globMatcher", () => {
  it.each([
    ["*.md", "README.md", true],
    ["*.md", "docs/a.md", false],
    ["**/*.md", "docs/deep/a.md", true],
    ["**/*.md", "a.md", true],
    ["**/a.md", "ba.md", false],
    ["/x/**/y", "/x/y", true],
    ["/x/**/y", "/x/a/b/y", true],
    ["/x/**/y", "/xy", false],
    ["docs/**", "docs/a/b", true],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["a?c", "a😀c", true],
    ["a.c", "abc", false],
    ["[a]", "a", false],
    ["a\nb*", "a\nbc", true],
    ["", "", true],
    ["*", "", true],
  ])("%j on %j: %s", (glob, path, matches) => expect(globMatcher(glob)(path)).toBe(matches));

  it("knows no folders where there is no separator, and no case where it is told so", () => {
    expect(globMatcher("a*z", { separator: "" })("a/b/z")).toBe(true);
    expect(globMatcher("**/z", { separator: "" })("z")).toBe(false);
    expect(globMatcher("*.PNG", { ignoreCase: true })("a.png")).toBe(true);
  });

  it("agrees with the regular expression of the same meaning", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "."), maxLength: 8 });
    const glob = fc
      .array(fc.constantFrom("a", "b", "/", ".", "?", "*", "**", "**/"), { maxLength: 6 })
      .map((signs) => signs.join(""));
    const agree = fc.property(glob, text, (g, t) => globMatcher(g)(t) === expression(g).test(t));
    fc.assert(agree, { numRuns: 3000 });
  });

  it("takes no more time for many stars", () => {
    expect(globMatcher("*a".repeat(30))(`${"a".repeat(5000)}b`)).toBe(false);
  });
});

function expression(glob: string): RegExp {
  const meaning: Record<string, string> = { "**/": "(?:[^]*/)?", "*": "[^/]*", "?": "[^/]" };
  const source = glob.replace(/\*\*\/|\*+|\?|\./g, (sign) => meaning[sign] ?? (sign === "." ? "\\." : "[^]*"));
  return new RegExp(`^${source}$`);
}
