/** A process that writes records is killed at any point, again and again: what is left is sound, or noticed as none. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { compiledUrl } from "../../base/compiled.testkit.js";
import { openCache } from "./open-encoder-cache.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-kill-"));
let child: ChildProcess | undefined;
afterAll(() => {
  child?.kill("SIGKILL"); // after a failure it would write forever
  rmSync(folder, { recursive: true, force: true });
});

const numImages = 40;
/** 200 kB a picture: a write takes long enough to be cut. */
const pixels = (image: number) => ({ visual_tokens: new Float32Array(100_000).fill(image) });
const maxFolderBytes = 20 * 200_300;

const writer = `
import { openCache } from ${JSON.stringify(compiledUrl("../index.ts", import.meta.url))};
const store = await openCache({ maxBytes: 0, folder: ${JSON.stringify(folder)}, maxFolderBytes: ${maxFolderBytes} });
console.log("writing");
for (let i = 0; ; i++) {
  const picture = i % ${numImages};
  await store.get("picture " + picture, async () => ({ visual_tokens: new Float32Array(100000).fill(picture) }));
  await new Promise((resolve) => setTimeout(resolve, 2));
}`;

function startWriter(): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "-e", writer], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

it("survives kill -9 at any point: every record answers for its own picture, and no half of one is left", async () => {
  const sources = new Set<string>();
  for (const delayMs of [5, 30, 90, 200]) {
    const writing = startWriter();
    child = writing;
    await new Promise((resolve) => writing.stdout!.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    writing.kill("SIGKILL");
    await new Promise((resolve) => writing.once("exit", resolve));
    const store = await openCache({ maxBytes: 0, folder, maxFolderBytes });
    for (let image = 0; image < numImages; image++) {
      const { features, source } = await store.get(`picture ${image}`, async () => pixels(image));
      expect(features.visual_tokens!.every((value) => value === image)).toBe(true);
      sources.add(source);
    }
    await store.close();
    expect(store.stats).toMatchObject({ damagedRecords: 0, diskFailures: 0 }); // a rename is whole, or has not been
    const left = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("partial"));
    expect(left).toEqual([]);
    const bytes = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => statSync(join(folder, name)))
      .filter((status) => status.isFile())
      .reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThanOrEqual(maxFolderBytes);
  }
  expect(sources).toContain("disk");
});
