import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../../core/base/temporary-folder.testkit.js";
import { checkClasses } from "./check-classes.js";
import { readLabelledImages } from "./labelled-images.js";

/** Empty files: only names are read. */
function folderOf(names: readonly string[]): string {
  const folder = temporaryFolder();
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), "");
  }
  return folder;
}

function fileOf(name: string, text: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

const rowsOf = async (path: string) =>
  (await readLabelledImages(path)).images.map((image) => [image.path.split(/[\\/]/).at(-1), image.label]);

describe("a folder of classes", () => {
  it("gives each image the label of its folder, sorted, and counts what is no image", async () => {
    const folder = folderOf(["cat/b.png", "cat/deep/a.JPG", "cat/.hidden.png", "cat/notes.txt", "ant/c.webp", "x.png"]);
    mkdirSync(join(folder, "bee"));
    const found = await readLabelledImages(folder);
    expect(found.labels).toEqual(["ant", "bee", "cat"]);
    expect(found.images.map(({ label }) => label)).toEqual(["ant", "cat", "cat"]);
    expect(found.skipped).toEqual({ ".txt": 1, "images outside the folder of any class": 1 });
  });

  it("takes no file from outside by a link, and names those that lead out", async () => {
    const [folder, outside] = [folderOf(["cat/a.png"]), folderOf(["secret.png", "dog/b.png"])];
    symlinkSync(join(outside, "secret.png"), join(folder, "cat", "linked.png"));
    symlinkSync(join(folder, "cat", "a.png"), join(folder, "cat", "inside.png"));
    symlinkSync(join(outside, "dog"), join(folder, "dog"));
    const { images, bad } = await readLabelledImages(folder);
    expect(images.map(({ path }) => path)).toEqual([join(folder, "cat/a.png"), join(folder, "cat/inside.png")]);
    expect(bad.map(({ origin, code }) => [origin, code])).toEqual([
      [join(folder, "cat/linked.png"), "invalid_file"],
      [join(folder, "dog"), "invalid_file"],
    ]);
  });

  it("says what it expects of another file", async () => {
    await expect(readLabelledImages(fileOf("data.txt", ""))).rejects.toThrow(ocellusError("invalid_request"));
    await expect(readLabelledImages(join(temporaryFolder(), "gone"))).rejects.toThrow(ocellusError("not_found"));
  });
});

describe("a file of lines", () => {
  it.each([
    ["a.csv", "b.png,dog\r\na.png, cat \n"],
    ["headed.csv", "\ufefflabel,extra,path\ndog,1,b.png\n\ncat,2,a.png"],
    ["quoted.csv", '"b.png","dog"\n"a.png","cat"\n'],
    ["a.tsv", "b.png\tdog\na.png\tcat\n"],
    ["a.jsonl", '\ufeff{"path": "b.png", "label": "dog"}\n\n{"label": "cat", "path": "a.png"}'],
  ])("%s is read", async (name, text) => {
    expect(await rowsOf(fileOf(name, text))).toEqual([
      ["a.png", "cat"],
      ["b.png", "dog"],
    ]);
  });

  it("keeps separators and quotes inside quotes", async () => {
    expect(await rowsOf(fileOf("a.csv", '"a,b.png","say ""cat"", loud"\n'))).toEqual([["a,b.png", 'say "cat", loud']]);
  });

  it.each([
    ["a.csv", 'a.png,"cat\n', { column: 7 }],
    ["a.csv", 'a.png,"cat"s\n', { column: 12 }],
    ["a.csv", "a.png\n", { found: 0 }],
    ["a.csv", ",cat\n", { found: "" }],
    ["a.csv", "https://example.com/a.png,cat\n", { found: "https://example.com/a.png" }],
    ["a.csv", `a.png,${"x".repeat(201)}\n`, { found: 201 }],
    ["a.jsonl", "{\n", {}],
    ["a.jsonl", '{"path": "a.png", "lable": "cat"}', { problems: expect.any(Array) }],
  ])("%s: %j is refused with its place", async (name, text, details) => {
    const path = fileOf(name, text);
    const refused = ocellusError("invalid_file", { origin: `${path}:1`, ...details });
    await expect(readLabelledImages(path)).rejects.toThrow(refused);
  });

  it("refuses an image with two labels, and takes one that is listed twice once", async () => {
    const twice = await readLabelledImages(fileOf("a.csv", "a.png,cat\n./a.png,cat\n"));
    expect([twice.images.length, twice.skipped]).toEqual([1, { "listed twice": 1 }]);
    const refused = ocellusError("invalid_file", { labels: ["cat", "dog"] });
    await expect(readLabelledImages(fileOf("a.csv", "a.png,cat\na.png,dog\n"))).rejects.toThrow(refused);
  });
});

describe("classes", () => {
  const check = (counts: Readonly<Record<string, number>>) =>
    checkClasses(
      Object.keys(counts),
      Object.entries(counts).flatMap(([label, count]) => Array.from({ length: count }, () => ({ label }))),
    );

  it.each([
    [{}, "few_classes", []],
    [{ cat: 9 }, "few_classes", ["cat"]],
    [{ cat: 9, dog: 0 }, "empty_class", ["dog"]],
    [{ cat: 9, dog: 1, ant: 9, fox: 1 }, "single_image", ["dog", "fox"]],
  ])("%j are refused", (counts, reason, classes) => {
    expect(() => check(counts)).toThrow(ocellusError("invalid_request", { reason, classes }));
  });

  it("are refused beyond the bound", () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`class ${i}`, 2]));
    expect(() => check(many)).toThrow(ocellusError("too_large", { limit: 1000, found: 1001 }));
  });

  it("that are nearly empty and nearly another are reported as slips", () => {
    const slip = { classes: ["scrach"], nearest: { scrach: "scratch" } };
    expect(() => check({ scratch: 40, dent: 40, scrach: 1 })).toThrow(ocellusError("invalid_request", slip));
    expect(check({ scratch: 40, "Scra-tch": 2, dent: 40 })).toHaveLength(1);
    expect(check({ scratch: 40, dent: 40, dnet: 2 })).toHaveLength(1);
    expect(check({ scratch: 40, dent: 40, crack: 2 })).toEqual([]);
    expect(check({ car: 40, cat: 2 })).toEqual([]);
    expect(check({ scratch: 40, scratchy: 40 })).toEqual([]);
  });
});
