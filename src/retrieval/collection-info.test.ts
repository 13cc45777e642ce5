/** `collection.json` and its copy: any damage of one is harmless and named, of both an error that names the collection. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { damagedInfoFiles, readInfo, writeInfo } from "./collection-info.js";
import { Collections } from "./collections.js";

const model = { version: "v1", name: "test", dimensions: 4 };
const names = ["collection.json", "collection-copy.json"];

async function made() {
  const root = temporaryFolder();
  const collections = new Collections(root);
  const { info } = await collections.create("shop", "exact", model);
  const folder = join(root, "shop");
  return { root, folder, info, text: readFileSync(join(folder, names[0]!)) };
}

describe("the description of a collection", () => {
  it("is read as it was written with any one byte of either file damaged", async () => {
    const { folder, info, text } = await made();
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(text.length - 1),
      flip: fc.integer({ min: 1, max: 255 }),
    });
    const law = fc.asyncProperty(damage, async ({ name, at, flip }) => {
      for (const each of names) writeFileSync(join(folder, each), text);
      writeFileSync(
        join(folder, name),
        text.map((byte, i) => (i === at ? byte ^ flip : byte)),
      );
      expect(await readInfo(folder)).toEqual(info);
      const isSpace = /\s/.test(String.fromCharCode(text[at]!)); // perhaps another space
      if (!isSpace) expect([[], [name]]).toContainEqual(await damagedInfoFiles(folder, info));
    });
    await fc.assert(law, { numRuns: 200 });
  });

  it("that is damaged or missing is named, and written again by a repair", async () => {
    const { root, folder } = await made();
    for (const name of names)
      for (const damage of [(path: string) => writeFileSync(path, "{"), rmSync]) {
        damage(join(folder, name));
        const collection = await new Collections(root).open("shop");
        expect((await collection.check()).damagedFiles).toEqual([name]);
        await collection.repair();
        expect((await collection.check()).damagedFiles).toEqual([]);
      }
  });

  it("is an error when both files are damaged: listed by name, and can be removed", async () => {
    const { root, folder } = await made();
    for (const name of names) writeFileSync(join(folder, name), "{");
    const collections = new Collections(root);
    await expect(collections.open("shop")).rejects.toMatchObject({ code: "invalid_file" });
    expect(await collections.list()).toMatchObject({ collections: [], damaged: [{ name: "shop" }] });
    await collections.remove("shop");
    expect(await collections.list()).toEqual({ collections: [], damaged: [] });
  });

  it("is not taken from a copy of an earlier generation", async () => {
    const { folder, info, text } = await made();
    await writeInfo(folder, { ...info, generation: 2 });
    writeFileSync(join(folder, "entries-2.log"), "");
    writeFileSync(join(folder, "collection-copy.json"), text); // as a process that was killed between the two leaves it
    expect((await readInfo(folder)).generation).toBe(2);
    writeFileSync(join(folder, "collection.json"), "{");
    await expect(readInfo(folder)).rejects.toMatchObject({ code: "invalid_file" });
  });
});
