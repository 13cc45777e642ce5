/** Every regular expression of the product takes linear time on any text: a request, a file or a page may hold it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";
import { describe, expect, it } from "vitest";
import { superlinearPart } from "./support/superlinear.js";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Pattern {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

/** Proven otherwise, each with its reason. */
const exceptions: Readonly<Record<string, string>> = {
  'src/core/base/json-place.ts "(?:[^"\\\\]|\\\\.)*"|[{}[\\],:]|[^\\s{}[\\],:"]+':
    "text that JSON.parse took: every quote is closed",
  'web/src/snippets.ts (?<!\\\\)"file:((?:[^"\\\\]|\\\\.)*)"': "JSON.stringify wrote it: every quote is closed",
};

/** Where patterns are put together: those that exist once the module is loaded are checked; the others are listed. */
const composed: Readonly<Record<string, number>> = {
  "src/cli/ui/text-layout.ts": 2,
  "src/guardrails/personal/evidence.ts": 7,
  "src/guardrails/personal/people.ts": 1,
  "src/guardrails/personal/find.ts": 2,
  "src/inspect/place.ts": 3,
  "src/retrieval/terms.ts": 2,
  "src/core/processor/written-places.ts": 2,
  "src/core/runtime/template-options.ts": 0, // one identifier, checked to be one
  "src/core/grammar/pattern.ts": 0, // one is never run; the other repeats one character class
  "src/core/processor/content-forms.ts": 0, // marks of our own in a prompt of our own
  "src/core/tokenizer/special-tokens.ts": 0, // a choice of plain texts
  "web/src/snippets.ts": 0, // the literal above, and a choice of one character
};

describe("superlinearPart", () => {
  it.each([
    ["^a*a*$", ""],
    ["(a*)*b", ""],
    ["(a|a)*b", ""],
    ["^(a+)+$", ""],
    ["(a|ab)*c", ""],
    ["^(.*?)\\.(\\d+)\\.(.+)$", ""],
    ["a.*b", ""],
    ["\\s+$", ""],
    ["x*$", "m"],
    ["a(?=a*c)", ""],
    ["<!--[^]*?-->", ""],
    ["^(<\\?xml[^>]*>\\s*)?(<!--[\\s\\S]*?-->\\s*)*<svg", "i"],
    ["^[A-Za-z\\s]*={0,2}\\s*$", ""],
  ])("finds what takes more than linear time in /%s/%s", (source, flags) =>
    expect(superlinearPart(source, flags)).toBeDefined(),
  );

  it.each([
    ["^\\s+$", ""],
    ["\\s+", "g"],
    ["^[^b]*b", ""],
    ["(?:a+)?b", "y"],
    ['"([^"]*)"', "g"],
    ["a(?=b*c)", ""],
    ["(?:(?![a-c])\\p{L})+|\\S", "gu"],
    ["^[\\w.-]{1,128}$", ""],
    ["^[A-Za-z\\s]*(?:={1,2}\\s*)?$", ""],
  ])("proves /%s/%s linear", (source, flags) => expect(superlinearPart(source, flags)).toBeUndefined());
});

describe("the patterns of src and web", () => {
  const files = ["src", "web/src"].flatMap(sourcesUnder);
  const found = files.map((file) => patternsOf(file));
  const literals = found.flatMap(({ literals }) => literals);

  it("are all looked at", () => expect(literals.length).toBeGreaterThan(200));

  it("are linear as they are written", () => {
    const slow = literals.filter(({ source, flags }) => superlinearPart(source, flags) !== undefined);
    expect(slow.map(({ file, source }) => `${file} ${source}`).sort()).toEqual(Object.keys(exceptions).sort());
  });

  it("are put together in known places only", () => {
    const places = found.filter(({ numComposed }) => numComposed > 0).map(({ file }) => file);
    expect(places.sort()).toEqual(Object.keys(composed).sort());
  });

  it.each(Object.entries(composed).filter(([, count]) => count > 0))(
    "are linear where %s joins them",
    async (file, count) => {
      const made = await constructedBy(() => import(join(root, file)));
      expect(made.length).toBeGreaterThanOrEqual(count);
      expect(made.filter(({ source, flags }) => superlinearPart(source, flags) !== undefined)).toEqual([]);
    },
  );
});

function sourcesUnder(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => /\.tsx?$/.test(name) && !/\.(test|testkit)\.ts$/.test(name))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

function patternsOf(file: string): { file: string; literals: Pattern[]; numComposed: number } {
  const program = parseAst(readFileSync(join(root, file), "utf8"), { lang: file.endsWith("x") ? "tsx" : "ts" });
  const literals: Pattern[] = [];
  let numComposed = 0;
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { type, regex, callee } = node as {
      type?: string;
      regex?: { pattern: string; flags: string };
      callee?: { name?: string };
    };
    if (type === "Literal" && regex) literals.push({ file, source: regex.pattern, flags: regex.flags });
    if (callee?.name === "RegExp") numComposed++;
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return { file, literals, numComposed };
}

/** The expressions that are constructed, not written, while a module loads. */
async function constructedBy(load: () => Promise<unknown>): Promise<RegExp[]> {
  const Original = RegExp;
  const made: RegExp[] = [];
  globalThis.RegExp = new Proxy(Original, {
    construct(target, given) {
      const expression = new target(...(given as [string, string]));
      const caller = new Error().stack?.split("\n")[2] ?? "";
      if (!caller.includes("node_modules")) made.push(expression); // what a library makes is asked of short texts only
      return expression;
    },
  });
  try {
    await load();
  } finally {
    globalThis.RegExp = Original;
  }
  return made;
}
