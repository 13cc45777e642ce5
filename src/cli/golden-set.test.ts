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

describe("readGoldenSet", () => {
  it("refuses a question about several pictures, and names it", async () => {
    const path = join(folder, "a.jsonl");
    const picture = "data:image/png;base64,AA==";
    const questions = [{ question: "The same?", answer: "Yes." }];
    await writeFile(path, JSON.stringify({ image: picture, more: [picture], questions }));
    await expect(readGoldenSet(path)).rejects.toMatchObject({
      code: "invalid_file",
      message: expect.stringContaining("a.jsonl:1: more"),
    });
  });
});
