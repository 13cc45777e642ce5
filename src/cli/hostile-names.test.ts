import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { writeCheckpoint } from "../inspect/unknown-family.testkit.js";
import { main } from "./main.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-hostile-names-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function run(...argv: string[]) {
  const written = { code: 0, stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  written.code = await main(argv);
  return written;
}

/** Clears the screen, sets the window's title, C1 for the same, turns text around, breaks the line. */
const evil = "\u001b[2J\u001b]0;owned\u0007\u009b2J\u202e\u2028\nerror: all is well\r";
const shapes = {
  [`model.layers.0.${evil}.weight`]: [8, 8],
  [`visual.blocks.0.${evil}.weight`]: [8, 8],
  [`lm_head.${evil}`]: [8],
  [`${"x".repeat(5000)}${evil}.weight`]: [8, 8],
};
let a: string;
let b: string;
beforeAll(async () => {
  a = await writeCheckpoint(join(folder, "a"), shapes, { model_type: `qwen${evil}`, [evil]: evil });
  b = await writeCheckpoint(
    join(folder, "b"),
    { ...shapes, [`added${evil}`]: [2], [`visual.blocks.0.${evil}.weight`]: [4, 16] },
    { model_type: evil },
    (_, i) => (i % 2 === 0 ? 0 : Number.NaN),
  );
  writeFileSync(
    join(folder, "set.jsonl"),
    JSON.stringify({ image: evil, questions: [{ question: evil, answer: evil }] }),
  );
  for (const name of ["a", "b"]) writeFileSync(join(folder, `${name}.golden`), goldenResult(name === "a"));
  mkdirSync(join(folder, "pickles"));
  writeFileSync(join(folder, "pickles", `evil${evil.replaceAll("\0", "")}.pkl`), `cos\nsystem\n(S'\u001b[2J'\ntR.`);
});

/** All that is not a number or a list of ours is hostile. */
function goldenResult(correct: boolean): string {
  const set = { path: evil, digest: evil, questions: 9 };
  const header = { golden: 1, set, version: { name: evil, digest: evil, weights: evil }, at: "2026-01-01T00:00:00Z" };
  const answers = ["1", "2"].map((id, index) => ({
    ...{ id, index, origin: evil, kind: `${id}${evil}`, scene: evil, language: evil, match: "exact", question: evil },
    ...{ expected: evil, text: evil, correct: correct && index === 0, version: `${id}${evil}`, failure: evil },
  }));
  return [header, ...answers].map((line) => `${JSON.stringify(line)}\n`).join("");
}

describe("names that a file brings", () => {
  it.each([
    ["inspect", () => ["inspect", a]],
    ["inspect --json", () => ["inspect", a, "--json"]],
    ["inspect --tensor of one", () => ["inspect", a, "--tensor", "lm_head"]],
    ["inspect --tensor of many", () => ["inspect", a, "--tensor", "*"]],
    ["inspect --health", () => ["inspect", b, "--health"]],
    ["inspect --html", () => ["inspect", b, "--html", join(folder, "page.html")]],
    ["inspect --safe", () => ["inspect", join(folder, "pickles"), "--safe"]],
    ["inspect --safe --json", () => ["inspect", join(folder, "pickles"), "--safe", "--json"]],
    ["diff", () => ["diff", a, b]],
    ["golden check", () => ["golden", "check", join(folder, "set.jsonl")]],
    ["golden report", () => ["golden", "report", join(folder, "a.golden")]],
    ["golden report of two", () => ["golden", "report", join(folder, "a.golden"), join(folder, "b.golden")]],
    ["golden report --json", () => ["golden", "report", join(folder, "a.golden"), "--json"]],
    ["diff --quick --json", () => ["diff", a, b, "--quick", "--json"]],
  ])("reach a terminal as escapes only: %s", async (_, argv) => {
    const { stdout, stderr } = await run(...argv());
    expect(`${stdout}${stderr}`).toMatch(/owned|\[2J/);
    expect(`${stdout}${stderr}`.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(`${stdout}\n${stderr}`).not.toMatch(/^error: all is well/m);
  });

  it("are cut short where they are longer than a screen", async () => {
    const { stdout } = await run("inspect", a, "--tensor", "x");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(1000);
  });
});
