import { spawn } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledUrl } from "../core/base/compiled.testkit.js";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { AuditLog, type AuditOptions } from "./audit.js";
import { partsOf, verifyLog } from "./audit-chain.js";

const newFile = () => join(temporaryFolder(), "audit.jsonl");

async function written(path: string, count: number, options: AuditOptions = {}): Promise<void> {
  const log = await AuditLog.open(path, options);
  await Promise.all(
    Array.from({ length: count }, (_, i) => log.append({ request: `r${i}`, text: "naïve 中文 \ufffd" })),
  );
  await log.close();
}

/** Of the log, or of a part that it turned over to. */
const changedIn = (path: string) => ocellusError("invalid_file", { path: expect.stringContaining(path) });

describe("the audit log", () => {
  it("is a chain that continues when it is opened again", async () => {
    const path = newFile();
    await written(path, 3);
    await written(path, 2);
    expect(await verifyLog(path)).toMatchObject({ lines: 5, torn: undefined });
  });

  it("shows any one byte that was changed, wherever it is and whatever it became", async () => {
    const path = newFile();
    await written(path, 3);
    const bytes = readFileSync(path);
    const expectFound = async (at: number, change: number) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= change;
      writeFileSync(path, changed);
      await expect(verifyLog(path), `byte ${at} ^ ${change}`).rejects.toThrow(changedIn(path));
    };
    for (let at = 0; at < bytes.length; at++) await expectFound(at, 1);
    const [place, change] = [fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 })];
    await fc.assert(fc.asyncProperty(place, change, expectFound), { numRuns: 300, seed: 3 });
    for (const at of [0, bytes.indexOf("\n"), bytes.length - 1])
      for (let value = 1; value < 256; value += 9) await expectFound(at, value);
  });

  it("shows a byte that was put in or taken out anywhere", async () => {
    const path = newFile();
    await written(path, 3);
    const bytes = readFileSync(path);
    const place = fc.integer({ min: 0, max: bytes.length - 1 });
    const property = async (at: number, value: number, isIn: boolean) => {
      const rest = bytes.subarray(isIn ? at : at + 1);
      const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from(isIn ? [value] : []), rest]);
      fc.pre(!changed.equals(bytes));
      writeFileSync(path, changed);
      await expect(verifyLog(path), `byte ${at}`).rejects.toThrow(changedIn(path));
    };
    await fc.assert(fc.asyncProperty(place, fc.integer({ min: 0, max: 255 }), fc.boolean(), property), {
      numRuns: 400,
      seed: 5,
    });
  });

  it("shows a cut at its end by the note beside it, wherever it was cut, and is not gone on with", async () => {
    const path = newFile();
    await written(path, 3);
    const bytes = readFileSync(path);
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(verifyLog(path), `${length} bytes`).rejects.toThrow(
        ocellusError("invalid_file", { path, expectedLines: 3, foundLines: expect.any(Number) }),
      );
    }
    await expect(AuditLog.open(path)).rejects.toThrow(
      ocellusError("invalid_file", { path, expectedLines: expect.any(Number) }),
    );
    rmSync(path);
    await expect(AuditLog.open(path)).rejects.toThrow(
      ocellusError("invalid_file", { path, expectedLines: 3, foundLines: 0 }),
    );
    writeFileSync(path, bytes);
    await written(path, 1);
    expect(await verifyLog(path)).toMatchObject({ lines: 4 });
  });

  it("shows that it was rewritten as a whole", async () => {
    const [path, other] = [newFile(), newFile()];
    await written(path, 3);
    await written(other, 4);
    copyFileSync(other, path);
    await expect(verifyLog(path)).rejects.toThrow(
      ocellusError("invalid_file", { path, expectedLines: 3, foundLines: 4 }),
    );
  });

  it("shows lines that are cut off beneath its writer", async () => {
    const path = newFile();
    const log = await AuditLog.open(path);
    for (let i = 0; i < 3; i++) await log.append({ i });
    truncateSync(path, 100);
    await expect(log.append({ i: 3 })).rejects.toThrow(ocellusError("invalid_file", { path, foundBytes: 100 }));
    await log.close();
  });

  it("shows a line that was taken out, put in or moved", async () => {
    const path = newFile();
    await written(path, 4);
    const [a, b, c, d] = readFileSync(path, "utf8").trimEnd().split("\n");
    for (const lines of [
      [a, c, d],
      [b, c, d],
      [a, a, b, c, d],
      [a, c, b, d],
    ]) {
      writeFileSync(path, `${lines.join("\n")}\n`);
      await expect(verifyLog(path)).rejects.toThrow(changedIn(path));
    }
  });

  it("says the hash of each line, so that a cut at its end is seen by who noted one", async () => {
    const path = newFile();
    await written(path, 3);
    rmSync(`${path}.head`); // as who can write the log can
    const before: string[] = [];
    const { head } = await verifyLog(path, (hash) => before.push(hash));
    expect(before.at(-1)).toBe(head);
    writeFileSync(path, `${readFileSync(path, "utf8").trimEnd().split("\n").slice(0, 2).join("\n")}\n`);
    const after: string[] = [];
    await verifyLog(path, (hash) => after.push(hash));
    expect(after).not.toContain(head);
  });

  it("goes on behind a line that was torn anywhere, and says so", async () => {
    const path = newFile();
    await written(path, 2);
    const whole = readFileSync(path, "utf8");
    const last = whole.trimEnd().split("\n").at(-1)!;
    for (const length of [1, 20, last.length - 1]) {
      writeFileSync(path, whole);
      rmSync(`${path}.head`, { force: true }); // of the writing before
      appendFileSync(path, last.slice(0, length));
      expect((await verifyLog(path)).torn).toMatch(/^[0-9a-f]{64}$/);
      await written(path, 1);
      expect(await verifyLog(path)).toMatchObject({ lines: 3, torn: undefined });
      expect(JSON.parse(readFileSync(path, "utf8").trimEnd().split("\n").at(-1)!).torn).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("loses no line whose writer was told that it is written, when the process is killed", async () => {
    const path = newFile();
    const script = `import { AuditLog } from ${JSON.stringify(compiledUrl("audit.ts", import.meta.url))};
      const log = await AuditLog.open(${JSON.stringify(path)});
      for (let i = 0; ; i++) { await log.append({ i, filler: "x".repeat(5000) }); process.stdout.write(i + "\\n"); }`;
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
    const { lines } = await verifyLog(path);
    expect(lines).toBeGreaterThanOrEqual(told.trimEnd().split("\n").length);
    await written(path, 1);
    expect((await verifyLog(path)).lines).toBe(lines + 1);
  });

  it("is refused when somebody has changed it: nothing is written behind a broken chain", async () => {
    const path = newFile();
    await written(path, 2);
    writeFileSync(path, readFileSync(path, "utf8").replace("r0", "r9"));
    await expect(AuditLog.open(path)).rejects.toThrow(ocellusError("invalid_file", { path, line: 1, field: "hash" }));
  });

  it("turns over when a file is full: a chain over all its files, of which the oldest go when the policy says so", async () => {
    const path = newFile();
    const options = { maxBytes: 1000 };
    for (let i = 0; i < 4; i++) await written(path, 1, options);
    const log = await AuditLog.open(path, options);
    for (let i = 0; i < 20; i++) await log.append({ i });
    await log.close();
    const parts = await partsOf(path);
    expect(parts.length).toBeGreaterThan(3);
    for (const file of [path, ...parts]) expect(statSync(file).size).toBeLessThan(1400);
    expect(await verifyLog(path)).toMatchObject({ first: 0, lines: 24, files: parts.length + 1 });
    const [, second] = parts;
    const bytes = readFileSync(second!);
    for (const at of [0, 400, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      writeFileSync(second!, changed);
      await expect(verifyLog(path)).rejects.toThrow(changedIn(path));
    }
    rmSync(second!);
    await expect(verifyLog(path), "a part is missing").rejects.toThrow(changedIn(path));
    writeFileSync(second!, bytes);
    const oldest = readFileSync(parts[0]!);
    writeFileSync(parts[0]!, oldest.subarray(oldest.indexOf("\n") + 1));
    await expect(verifyLog(path), "its first line is missing").rejects.toThrow(
      ocellusError("invalid_file", { line: 1, field: "seq" }),
    );
    writeFileSync(parts[0]!, oldest);
    const keeper = await AuditLog.open(path, { ...options, keep: 2 });
    for (let i = 0; i < 10; i++) await keeper.append({ i });
    await keeper.close();
    expect(await partsOf(path)).toHaveLength(2);
    const { first, lines } = await verifyLog(path);
    expect([first > 0, lines]).toEqual([true, 34]);
  });

  it("continues where it turned over, when the process was killed in between", async () => {
    const path = newFile();
    await written(path, 3);
    renameSync(path, `${path}.000000000000`);
    await written(path, 1);
    expect(await verifyLog(path)).toMatchObject({ first: 0, lines: 4, files: 2 });
    rmSync(path);
    await expect(AuditLog.open(path)).rejects.toThrow(
      ocellusError("invalid_file", { path, expectedLines: expect.any(Number) }),
    );
  });

  it("is one chain when several write it, in this process and in others, also when one of them is killed", async () => {
    const path = newFile();
    const script = `import { AuditLog } from ${JSON.stringify(compiledUrl("audit.ts", import.meta.url))};
      const log = await AuditLog.open(${JSON.stringify(path)}, { maxBytes: 4000 });
      for (let i = 0; ; i++) { await log.append({ writer: process.pid, i }); process.stdout.write("x"); }`;
    const children = [1, 2].map(() =>
      spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
    const told = children.map(() => 0);
    const ended = children.map(
      (child, i) =>
        new Promise<void>((done) => {
          child.stdout.on("data", (chunk: Buffer) => {
            told[i]! += chunk.length;
            if (told[i]! >= 25) child.kill("SIGKILL");
          });
          child.once("exit", () => done());
        }),
    );
    const [a, b] = [await AuditLog.open(path, { maxBytes: 4000 }), await AuditLog.open(path, { maxBytes: 4000 })];
    for (let i = 0; i < 25; i++) await Promise.all([a.append({ i }), b.append({ i })]);
    await Promise.all(ended);
    await Promise.all([a.append({ last: true }), b.append({ last: true })]);
    await Promise.all([a.close(), b.close()]);
    const { lines, files } = await verifyLog(path);
    expect(lines).toBeGreaterThanOrEqual(52 + told[0]! + told[1]!);
    expect(files).toBeGreaterThan(2);
  });
});
