/** What `ocellus index add` finds: one bad name, folder or line does not stop the rest, and what was passed over is counted. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { readSources } from "./index-sources.js";

const image = (folder: string, name: string) => writeFileSync(join(folder, name), "x");

it("reads a folder around names that are no UTF-8, and counts what is no picture", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "in"));
  for (const name of ["b.jpg", "a.PNG", "in/c.webp", "logo.svg", "notes.txt", "in/readme.txt", "LICENSE"])
    image(folder, name);
  symlinkSync("b.jpg", join(folder, "link.jpg"));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff]), Buffer.from(".jpg")]), "x");
  const { sources, skipped, failed, isIncomplete } = await readSources([
    folder,
    join(folder, "b.jpg"),
    join(folder, "*.jpg"),
  ]);
  expect(sources.map(({ source }) => source)).toEqual(
    ["a.PNG", "b.jpg", "in/c.webp"].map((name) => join(folder, name)),
  );
  expect(Object.fromEntries(skipped)).toMatchObject({
    ".svg (render them to PNG first)": 1,
    ".txt": 2,
    "files without an extension": 1,
  });
  expect(failed[0]).toMatchObject({ source: expect.stringContaining("\ufffd.jpg") });
  expect(isIncomplete).toBe(false);
});

it("reads a file of lines around those that are wrong; of two with one name the later counts", async () => {
  const folder = temporaryFolder();
  const lines = [
    '{"image": "a.jpg", "source": "1"}',
    "{",
    '{"image": "a.jpg", "colour": "red"}',
    '{"image": "b.jpg", "source": "1"}',
  ];
  writeFileSync(join(folder, "x.jsonl"), lines.join("\n"));
  const { sources, skipped, failed, isIncomplete } = await readSources([join(folder, "x.jsonl")]);
  expect(sources).toMatchObject([{ source: "1", image: join(folder, "b.jpg") }]);
  expect(failed.map(({ source }) => source)).toEqual([2, 3].map((line) => `${join(folder, "x.jsonl")}:${line}`));
  expect([[...skipped.values()], isIncomplete]).toEqual([[1], true]);
});

it("reads the rest where a path that is named itself is absent or no UTF-8", async () => {
  const folder = temporaryFolder();
  image(folder, "a.jpg");
  const names = ["\ufffd.jpg", "absent.jpg", "absent/*.jpg", "a.jpg"].map((name) => join(folder, name));
  const { sources, failed, isIncomplete } = await readSources(names);
  expect(sources.map(({ source }) => source)).toEqual([join(folder, "a.jpg")]);
  expect(failed.map(({ source }) => source)).toEqual(names.slice(0, 3));
  expect(isIncomplete).toBe(true);
  await expect(readSources([names[0]!])).rejects.toMatchObject({ code: "invalid_file" });
});

it("refuses what holds no source at all", async () => {
  const folder = temporaryFolder();
  await expect(readSources([folder])).rejects.toMatchObject({ code: "not_found" });
  await expect(readSources([join(folder, "absent")])).rejects.toMatchObject({ code: "not_found" });
  writeFileSync(join(folder, "x.jsonl"), "{");
  await expect(readSources([join(folder, "x.jsonl")])).rejects.toMatchObject({ code: "invalid_file" });
});
