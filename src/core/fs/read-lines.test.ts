import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { readLines } from "./read-lines.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-lines-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(contents: string, maxBytes = 1e6) {
  const path = join(folder, "lines");
  writeFileSync(path, contents);
  const lines = [];
  for await (const line of readLines(path, maxBytes)) lines.push(line);
  return lines;
}

describe("lines", () => {
  it("joined again are the file, longer than a chunk or not, and the torn one is told", async () => {
    const text = fc.string({ unit: "grapheme" }).map((some) => some.replaceAll("\n", " "));
    const lines = fc.array(fc.oneof(text, fc.constant("长".repeat(50_000))), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lines, text, async (whole, torn) => {
        const contents = whole.map((line) => `${line}\n`).join("") + torn;
        const found = await linesOf(contents);
        expect(found.map((line) => line.text)).toEqual(torn === "" ? whole : [...whole, torn]);
        expect(found.map((line) => line.isWhole)).toEqual([...whole.map(() => true), ...(torn === "" ? [] : [false])]);
        expect(found.map((line) => line.number)).toEqual(found.map((_, i) => i + 1));
        expect(found.at(-1)?.end ?? 0).toBe(Buffer.byteLength(contents));
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it("begin behind a byte order mark, which is counted as bytes of the file", async () => {
    const [first, second] = await linesOf("\ufeffa\n\ufeffb\n");
    expect([first!.text, first!.end, second!.text]).toEqual(["a", 5, "\ufeffb"]);
  });

  it("over the bound are refused by number", async () => {
    await expect(linesOf(`short\n${"x".repeat(200)}\n`, 100)).rejects.toThrow(
      ocellusError("too_large", { line: 2, limit: 100 }),
    );
  });
});
