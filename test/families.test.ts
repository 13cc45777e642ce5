/** Laws of every registered family: it says what it can do, and has golden numbers, a page and a row of README's table. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeFamily, families, familyKinds } from "../src/core/models/index.js";
import { repository } from "./support/folders.js";

const modelPages = readdirSync(join(repository, "docs/models"));

/** Rows of the table of model types, by the types in their first cell; the page that it links. */
function rowsOf(readme: string): { types: string[]; pages: string[] }[] {
  const lines = readFileSync(join(repository, readme), "utf8").split("\n");
  const first = lines.findIndex((line) => line.startsWith("| `model_type` |")) + 2;
  const cells = lines.slice(first).map((line) => line.split("|")[1] ?? "");
  return cells.slice(0, cells.indexOf("")).map((cell) => ({
    types: [...cell.matchAll(/`(\w+)`/g)].map(([, type]) => type!),
    pages: [...cell.matchAll(/\((docs\/models\/\w+\.md)\)/g)].map(([, page]) => page!),
  }));
}

describe.each(families.map((family) => [family.modelType, family] as const))("%s", (modelType, family) => {
  it("states what it can do", () => {
    const { kind, title, abilities, repositories } = describeFamily(family);
    expect(familyKinds).toHaveProperty(kind);
    expect(title).not.toBe("");
    expect(new Set(abilities).size).toBe(abilities.length);
    expect(abilities).not.toEqual([]);
    for (const each of repositories) expect(each).toMatch(/^[\w.-]+\/[\w.-]+$/);
    const { trainedFor = [] } = family.about;
    if (kind !== "vision_language") expect(trainedFor.filter((each) => /images|boxes/.test(each))).toEqual([]);
  });

  it("has golden numbers and a page in docs/models", () => {
    const folders = [modelType, `whole/${modelType}`].map((name) => join(repository, "test/golden", name));
    expect(folders.filter((folder) => existsSync(folder))).not.toEqual([]); // a twin of another type may be a whole one only
    const firstLines = modelPages.map(
      (page) => readFileSync(join(repository, "docs/models", page), "utf8").split("\n")[0]!,
    );
    expect(firstLines.some((line) => line.includes(`\`${modelType}\``))).toBe(true);
  });

  it.each(["README.md", "README.zh-CN.md"])(
    "has a row in the table of %s, if checkpoints of it are published",
    (readme) => {
      if (family.about.repositories.length === 0) return;
      const row = rowsOf(readme).find(({ types }) => types.includes(modelType));
      expect(row, `a row for ${modelType}`).toBeDefined();
      for (const page of row!.pages) expect(existsSync(join(repository, page))).toBe(true);
      expect(row!.pages).not.toEqual([]);
    },
  );
});
