import { spawn } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledUrl } from "../core/base/compiled.testkit.js";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { VerdictMemory, type VerdictMemoryOptions } from "./memory.js";
import type { Finding, Subject } from "./verdict.js";

const newFile = () => join(temporaryFolder(), "findings.log");
const text = (words: string): Subject => ({ kind: "text", text: words });
const finding = (score: number): Finding => ({ category: "violence", score, reason: "a label" });

/** What the memory knows of these texts, without a look; undefined of those that it does not. */
async function known(options: VerdictMemoryOptions, guard: string, texts: readonly string[]) {
  const memory = new VerdictMemory(options);
  const found = await Promise.all(
    texts.map((words) =>
      memory.remember(guard, text(words), () => Promise.reject(new Error("looked"))).catch(() => {}),
    ),
  );
  await memory.close();
  return found;
}

async function keep(options: VerdictMemoryOptions, guard: string, scores: Readonly<Record<string, number>>) {
  const memory = new VerdictMemory(options);
  for (const [words, score] of Object.entries(scores))
    await memory.remember(guard, text(words), async () => [finding(score)]);
  await memory.close();
}

describe("what costly guards found", () => {
  it("is there after a restart, for the same guard in the same version and the same subject", async () => {
    const file = newFile();
    await keep({ file }, "a@1", { x: 0.25, y: 0.5 });
    expect(await known({ file }, "a@1", ["x", "y", "z"])).toEqual([[finding(0.25)], [finding(0.5)], undefined]);
    expect(await known({ file }, "a@2", ["x"])).toEqual([undefined]);
    expect(await known({ file }, "b@1", ["x"])).toEqual([undefined]);
    expect(await known({}, "a@1", ["x"]), "no file: in memory alone").toEqual([undefined]);
  });

  it("has no texts in it", async () => {
    const file = newFile();
    await keep({ file }, "a@1", { "a private question": 1 });
    expect(readFileSync(file, "latin1")).not.toContain("private");
  });

  it("stays within its budget, with what was used last", async () => {
    const file = newFile();
    const names = Array.from({ length: 200 }, (_, i) => `text ${i}`);
    const options = { file, maxBytes: 8000 };
    await keep(options, "a@1", Object.fromEntries(names.map((name) => [name, 0.5])));
    expect(statSync(file).size).toBeLessThanOrEqual(8000);
    const kept = await known(options, "a@1", names);
    expect(kept.at(-1)).toEqual([finding(0.5)]);
    expect(kept[0]).toBeUndefined();
    expect(kept.filter(Boolean).length).toBeGreaterThan(15);
  });

  it("is never another finding, whatever byte of the file is damaged or wherever it is cut", async () => {
    const file = newFile();
    const scores = { x: 0.25, y: 0.5, z: 0.75 };
    await keep({ file }, "a@1", scores);
    const whole = readFileSync(file);
    const expectSound = async (bytes: Buffer) => {
      writeFileSync(file, bytes);
      const found = await known({ file }, "a@1", Object.keys(scores));
      for (const [i, score] of Object.values(scores).entries())
        expect([undefined, [finding(score)]]).toContainEqual(found[i]);
      await keep({ file }, "a@1", { again: 1 });
      expect(await known({ file }, "a@1", ["again"]), "it goes on").toEqual([[finding(1)]]);
    };
    const byte = fc.integer({ min: 1, max: 255 });
    const place = fc.integer({ min: 0, max: whole.length - 1 });
    await fc.assert(
      fc.asyncProperty(place, byte, fc.boolean(), async (at, change, isCut) => {
        const bytes = Buffer.from(isCut ? whole.subarray(0, at) : whole);
        if (!isCut) bytes[at]! ^= change;
        await expectSound(bytes);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it("loses nothing that was told to be kept when the process is killed", async () => {
    const file = newFile();
    const script = `import { VerdictMemory } from ${JSON.stringify(compiledUrl("memory.ts", import.meta.url))};
      const memory = new VerdictMemory({ file: ${JSON.stringify(file)} });
      for (let i = 0; ; i++) {
        await memory.remember("a@1", { kind: "text", text: String(i) }, async () => [${JSON.stringify(finding(0.5))}]);
        await memory.close(); // waits for the disk, closes nothing
        process.stdout.write(i + "\\n");
      }`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    await new Promise<void>((killed) => {
      child.stdout.on("data", (chunk: Buffer) => {
        told += chunk;
        if (told.split("\n").length > 20) child.kill("SIGKILL");
      });
      child.once("exit", () => killed());
    });
    const names = told.trimEnd().split("\n");
    expect((await known({ file }, "a@1", names)).every(Boolean)).toBe(true);
  });

  it("is written by two at once, and a folder that cannot be is said once and costs no verdict", async () => {
    const file = newFile();
    await Promise.all([keep({ file }, "a@1", { x: 0.25, y: 0.5 }), keep({ file }, "a@1", { z: 0.75 })]);
    expect((await known({ file }, "a@1", ["x", "y", "z"])).every(Boolean)).toBe(true);
    const problems: string[] = [];
    const memory = new VerdictMemory({ file: join(file, "no-folder"), onProblem: (message) => problems.push(message) });
    for (const words of ["x", "y"])
      expect(await memory.remember("a@1", text(words), async () => [finding(1)])).toEqual([finding(1)]);
    await memory.close();
    expect(problems).toEqual([expect.stringMatching(/^what guards found is not kept in .*no-folder: /)]);
  });
});
