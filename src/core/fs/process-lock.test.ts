import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";
import { EncoderCache } from "../cache/index.js";

const folder = temporaryFolder();
const path = join(folder, "in-use-by");
const open = () => EncoderCache.open({ folder });
afterEach(() => rmSync(path, { force: true }));

it("refuses a folder that this process or another holds, naming it, and gives it back", async () => {
  const store = await open();
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  await expect(open()).rejects.toMatchObject({ code: "unavailable", details: { holder: process.pid } });
  await store.close();
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(path, `${process.ppid}\n`);
  await expect(open()).rejects.toThrow(ocellusError("unavailable", { folder, holder: process.ppid }));
});

it.each([
  ["a process that is no more", "4194304\n"], // more than Linux gives
  ["an earlier run that had our id", `${process.pid}\n`],
  ["somebody who was killed while writing", ""],
])("takes over a folder from %s", async (_, left) => {
  writeFileSync(path, left);
  const store = await open();
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  await store.close();
});
