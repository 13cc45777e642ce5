import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AuditLog, readChain } from "./audit.js";

const newFile = () => join(mkdtempSync(join(tmpdir(), "ocellus-audit-")), "audit.jsonl");

async function written(path: string, count: number): Promise<void> {
  const log = await AuditLog.open(path);
  await Promise.all(
    Array.from({ length: count }, (_, i) => log.append({ request: `r${i}`, text: "naïve 中文 \ufffd" })),
  );
  await log.close();
}

describe("the audit log", () => {
  it("is a chain that goes on when it is opened again", async () => {
    const path = newFile();
    await written(path, 3);
    await written(path, 2);
    expect(await readChain(path)).toMatchObject({ lines: 5, torn: undefined });
  });

  it("shows any one byte that was changed, wherever it is", async () => {
    const path = newFile();
    await written(path, 3);
    const bytes = readFileSync(path);
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = changed[i]! ^ 1;
      writeFileSync(path, changed);
      await expect(readChain(path), `byte ${i}`).rejects.toThrow("the log was changed");
    }
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
      await expect(readChain(path)).rejects.toThrow("the log was changed");
    }
  });

  it("says the hash of each line, so that a cut at its end is seen by who noted one", async () => {
    const path = newFile();
    await written(path, 3);
    const before: string[] = [];
    const { head } = await readChain(path, (hash) => before.push(hash));
    expect(before.at(-1)).toBe(head);
    writeFileSync(path, `${readFileSync(path, "utf8").trimEnd().split("\n").slice(0, 2).join("\n")}\n`);
    const after: string[] = [];
    await readChain(path, (hash) => after.push(hash));
    expect(after).not.toContain(head);
  });

  it("goes on behind a line that was torn anywhere, and says so", async () => {
    const path = newFile();
    await written(path, 2);
    const whole = readFileSync(path, "utf8");
    const last = whole.trimEnd().split("\n").at(-1)!;
    for (const length of [1, 20, last.length - 1]) {
      writeFileSync(path, whole);
      appendFileSync(path, last.slice(0, length));
      expect((await readChain(path)).torn).toMatch(/^[0-9a-f]{64}$/);
      await written(path, 1);
      expect(await readChain(path)).toMatchObject({ lines: 3, torn: undefined });
      expect(JSON.parse(readFileSync(path, "utf8").trimEnd().split("\n").at(-1)!).torn).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it("loses no line whose writer was told that it is written, when the process is killed", async () => {
    const path = newFile();
    const script = `import { AuditLog } from ${JSON.stringify(join(import.meta.dirname, "audit.ts"))};
      const log = await AuditLog.open(${JSON.stringify(path)});
      for (let i = 0; ; i++) { await log.append({ i, filler: "x".repeat(5000) }); process.stdout.write(i + "\\n"); }`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
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
    const { lines } = await readChain(path);
    expect(lines).toBeGreaterThanOrEqual(told.trimEnd().split("\n").length);
    await written(path, 1);
    expect((await readChain(path)).lines).toBe(lines + 1);
  });

  it("is refused when somebody has changed it: nothing is written behind a broken chain", async () => {
    const path = newFile();
    await written(path, 2);
    writeFileSync(path, readFileSync(path, "utf8").replace("r0", "r9"));
    await expect(AuditLog.open(path)).rejects.toThrow(`${path}:1: its hash`);
  });
});
