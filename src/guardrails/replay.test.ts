import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { AuditLog } from "./audit.js";
import { readUnmoved } from "./audit-chain.js";
import type { Rule } from "./policy.js";
import { replayRule } from "./replay.js";
import type { Action } from "./verdict.js";

interface Logged {
  readonly guard?: string;
  readonly stage?: "input" | "output";
  readonly route?: string;
  readonly findings: readonly (readonly [category: string, score: number, action: Action])[];
}

async function logOf(checks: readonly Logged[]): Promise<string> {
  const file = join(temporaryFolder(), "audit.jsonl");
  const log = await AuditLog.open(file);
  for (const [i, { guard = "nsfw", stage = "input", route = "/v1/chat/completions", findings }] of checks.entries()) {
    const verdict = findings.reduce<Action>((worst, [, , action]) => (action === "block" ? action : worst), "flag");
    const told = findings.map(([category, score, action]) => ({ category, score, action }));
    const check = { guard, kind: "image", sha256: "0", verdict: findings.length === 0 ? "allow" : verdict, ms: 1 };
    await log.append({ request: `r${i}`, key: "bob", route, stage, checks: [{ ...check, findings: told }] });
  }
  await log.close();
  return file;
}

const { signal } = new AbortController();
const replay = (file: string, rule: Rule, since = new Date(0)) => replayRule(file, rule, since, signal);

describe("a rule over the audit log", () => {
  const checks: Logged[] = [
    { findings: [] },
    { findings: [["violence", 0.6, "flag"]] },
    {
      findings: [
        ["violence/graphic", 0.9, "flag"],
        ["sexual", 0.8, "flag"],
      ],
    },
    { findings: [["violence", 0.95, "block"]] },
    { findings: [["violence", 0.9, "flag"]], guard: "other" },
    { findings: [["violence", 0.9, "flag"]], stage: "output" },
  ];

  it("changes the checks that it concerns, whose score it reaches, and no others", async () => {
    const rule: Rule = { guard: "nsfw", stage: "input", category: "violence", threshold: 0.7, action: "block" };
    expect(await replay(await logOf(checks), rule)).toMatchObject({
      ...{ numLines: 6, numChecks: 6, numReached: 2, isCut: false },
      changes: [{ before: "flag", after: "block", count: 1 }],
      examples: [{ request: "r2", category: "violence/graphic", score: 0.9, before: "flag", after: "block" }],
    });
  });

  it("as the last one also softens, but not what another finding of the check decides", async () => {
    const file = await logOf(checks);
    const { changes, examples } = await replay(file, { category: "violence", threshold: 0.5, action: "allow" });
    expect(changes).toEqual([
      { before: "flag", after: "allow", count: 3 },
      { before: "block", after: "allow", count: 1 },
    ]);
    expect(examples.map(({ request }) => request)).toEqual(["r5", "r4", "r3", "r1"]); // r2 stays flagged: sexual
  });

  it("reads parts of the log too, and nothing from before its time", async () => {
    const file = await logOf(checks);
    await rename(file, `${file}.000000000000`);
    const rule: Rule = { threshold: 0, action: "block" };
    const log = await AuditLog.open(file);
    await log.append({ request: "last", key: "bob", route: "/v1/responses", stage: "input", checks: [] });
    await log.close();
    expect((await replay(file, rule)).numLines).toBe(7);
    expect((await replay(file, rule, new Date(Date.now() + 1000))).numLines).toBe(0);
  });

  const all: Rule = { threshold: 0, action: "block" };
  const limited = (file: string, limits: { maxBytes?: number; maxLineBytes?: number }) =>
    replayRule(file, all, new Date(0), signal, { maxBytes: 1e6, maxLineBytes: 1e5, ...limits });

  it("reads no more than its bytes, the newest ones, also of one long file, and no line that is too long", async () => {
    const file = await logOf([...checks, ...checks]);
    const { size } = await stat(file);
    const half = await limited(file, { maxBytes: size / 2 });
    expect(half).toMatchObject({ numLines: 5, isCut: true }); // of twelve alike: the sixth is not whole
    expect(half.examples[0]!.request).toBe("r11");
    expect(await limited(file, { maxBytes: size })).toMatchObject({ numLines: 12, isCut: false });
    const long = { request: "x".repeat(2000), key: "bob", route: "/v1/responses", stage: "input", checks: [] };
    const log = await AuditLog.open(file);
    await log.append(long);
    await log.close();
    expect(await limited(file, { maxLineBytes: 2000 })).toMatchObject({ numLines: 12, isCut: true });
  });

  it("loses nothing of a log that turns over while it is read", async () => {
    const file = await logOf(checks);
    const lines = (await readFile(file, "utf8")).split("\n");
    let numReads = 0;
    const texts = await readUnmoved(file, async (files) => {
      if (numReads++ === 0) {
        await rename(file, `${file}.000000000000`);
        await writeFile(file, "");
      }
      return Promise.all(files.map((path) => readFile(path, "utf8")));
    });
    expect([numReads, texts.join("").split("\n")]).toEqual([2, lines]);
  });
});
