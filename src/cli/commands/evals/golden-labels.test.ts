import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { readEvalFiles } from "../../../evals/index.js";
import { setOfLabels } from "./golden-labels.js";

const folder = temporaryFolder();

async function classes(name: string, labels: readonly string[]): Promise<string> {
  const top = join(folder, name);
  for (const label of labels) {
    await mkdir(join(top, label), { recursive: true });
    for (const file of ["a.png", "b.png"]) await writeFile(join(top, label, file), label);
  }
  return top;
}

describe("a golden set of labelled images", () => {
  it("asks one question of each, and has the folder's name as its answer", async () => {
    const labels = await classes("photos", ["bearing", "gear"]);
    const set = join(folder, "set");
    const path = join(set, "golden.jsonl");
    expect(await setOfLabels(set, path, { labels, ask: ["Which part is this?"] })).toEqual([]);
    const cases = await readEvalFiles([path]);
    expect(cases.map(({ answer }) => answer).sort()).toEqual(["bearing", "bearing", "gear", "gear"]);
    expect(cases.every(({ question, reviewed }) => question === "Which part is this?" && reviewed)).toBe(true);
    expect((await readdir(join(set, "images"))).length).toBe(4); // files of one name in two folders
    const again = setOfLabels(set, path, { labels, ask: ["Which part is this?"] });
    await expect(again).rejects.toThrow(ocellusError("invalid_request", { path }));
  });

  it.each([
    [undefined, 0],
    [["What?", "Where?"], 2],
  ])("needs one question, not %j", async (ask, found) => {
    const labels = await classes("few", ["bearing"]);
    const made = setOfLabels(join(folder, "none"), join(folder, "none", "golden.jsonl"), { labels, ask });
    await expect(made).rejects.toThrow(ocellusError("invalid_request", { flag: "--ask", found }));
  });

  it("is refused without images in folders", async () => {
    const labels = join(folder, "empty");
    await mkdir(labels);
    const made = setOfLabels(join(folder, "none"), join(folder, "none", "golden.jsonl"), { labels, ask: ["What?"] });
    await expect(made).rejects.toThrow(ocellusError("invalid_request", { path: labels }));
  });
});
