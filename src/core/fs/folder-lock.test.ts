/** The lock of a folder: one at a time, and what a killed process has left is soon taken away. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { isLocked, takeFolderLock, withFolderLock } from "./folder-lock.js";

const root = mkdtempSync(join(tmpdir(), "ocellus-folder-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function leftBehind(folder: string, owner: string, secondsAgo: number): void {
  writeFileSync(`${folder}.lock`, owner);
  const then = Date.now() / 1000 - secondsAgo;
  utimesSync(`${folder}.lock`, then, then);
}

describe("the lock of a folder", () => {
  it("lets one at a time at work, and leaves nothing", async () => {
    const folder = join(root, "busy");
    let atWork = 0;
    const most = await Promise.all(
      Array.from({ length: 5 }, () =>
        withFolderLock(folder, { pollMs: 1 }, async () => {
          const seen = ++atWork;
          expect(await isLocked(folder)).toBe(true);
          await sleep(5);
          atWork--;
          return seen;
        }),
      ),
    );
    expect(most).toEqual([1, 1, 1, 1, 1]);
    expect(readdirSync(root)).toEqual([]);
  });

  it.each([
    ["a process killed before it had named its lock", "", 3],
    ["a process that is no more", `${hostname()} 4194305 ab`, 0],
    ["an earlier run that had our id", `${hostname()} ${process.pid} ab`, 0],
    ["another machine that was silent for a minute", "elsewhere 1 ab", 61],
  ])("is taken from %s, without waiting", async (_, owner, secondsAgo) => {
    const folder = join(root, "left");
    leftBehind(folder, owner, secondsAgo);
    expect(await isLocked(folder)).toBe(false);
    let waited = false;
    await withFolderLock(folder, { onWait: () => (waited = true) }, async () => {});
    expect(waited).toBe(false);
  });

  it("is given back once, and what must not wait refuses in its own words", async () => {
    const folder = join(root, "taken");
    const release = await takeFolderLock(folder);
    const refuse = (owner: string) => {
      throw new OcellusError("unavailable", owner, { details: { owner } });
    };
    const owner = `process ${process.pid} on ${hostname()}`;
    await expect(takeFolderLock(folder, { onWait: refuse })).rejects.toThrow(ocellusError("unavailable", { owner }));
    await release();
    const again = await takeFolderLock(folder, { onWait: refuse });
    await release(); // another's by now
    expect(await isLocked(folder)).toBe(true);
    await again();
    expect(readdirSync(root)).toEqual([]);
  });

  it.each([
    ["is about to name its lock", ""],
    ["is at work", `${hostname()} ${process.ppid} ab`],
    ["is at work on another machine", "elsewhere 1 ab"],
  ])("is left to a process that %s", async (_, owner) => {
    const folder = join(root, "kept");
    leftBehind(folder, owner, 0);
    expect(await isLocked(folder)).toBe(true);
    const leaving = new AbortController();
    const waiting = withFolderLock(folder, { signal: leaving.signal, onWait: () => leaving.abort() }, async () => {});
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
    rmSync(`${folder}.lock`);
  });
});
