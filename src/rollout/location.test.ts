import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { openRegistry, temporaryFolder } from "./registry.testkit.js";

describe("a folder that is no registry", () => {
  it("is refused and left as it is, where none is to be made: missing, empty, or with other files", async () => {
    const root = await temporaryFolder();
    const [typo, empty, other] = ["regsitry", "empty", "other"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [empty, other]) mkdirSync(folder);
    writeFileSync(join(other, "notes.txt"), "");
    for (const folder of [typo, empty, other])
      await expect(openRegistry({ folder, ifMissing: "refuse" }), folder).rejects.toMatchObject({
        code: "not_found",
        details: { folder },
      });
    expect([existsSync(typo), readdirSync(empty), readdirSync(other)]).toEqual([false, [], ["notes.txt"]]);
  });

  it("is named by a likely other where one is near", async () => {
    const root = await temporaryFolder();
    await openRegistry({ folder: join(root, "registry") });
    const opening = openRegistry({ folder: join(root, "regsitry"), ifMissing: "refuse" });
    await expect(opening).rejects.toThrow(ocellusError("not_found", { nearest: ["registry"] }));
  });

  it("becomes one only where it is empty or new in a folder that is there", async () => {
    const root = await temporaryFolder();
    writeFileSync(join(root, "notes.txt"), "");
    await expect(openRegistry({ folder: root })).rejects.toMatchObject({ code: "invalid_request" });
    await expect(openRegistry({ folder: join(root, "typo", "registry") })).rejects.toMatchObject({ code: "not_found" });
    expect(readdirSync(root)).toEqual(["notes.txt"]);
    const folder = join(root, "registry");
    await openRegistry({ folder });
    await openRegistry({ folder, ifMissing: "refuse" });
  });
});
