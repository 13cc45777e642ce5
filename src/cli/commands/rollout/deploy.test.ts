/** Canaries and shadows on the command line: what is written into the journal, and how plans and figures are printed. */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { deploy, mirroredId, noteComparison, Registry } from "../../../rollout/index.js";
import { main } from "../../main.js";

/** A registry of `v1`, which prod serves, and `v2`: made once, each test has a copy. */
const template = temporaryFolder();
let folder: string;
beforeAll(async () => {
  folder = template;
  writeFileSync(join(folder, "weights.bin"), "x");
  await withRegistry(async (registry) => {
    for (const tag of ["v1", "v2"])
      await registry.publish(folder, { tag, family: "scripted", quantization: "fp32", createdBy: "test" });
    await registry.run("test", deploy("prod", "v1"));
  });
});
beforeEach(() => {
  folder = temporaryFolder();
  cpSync(template, folder, { recursive: true });
});
afterEach(() => void vi.restoreAllMocks());

async function withRegistry<T>(body: (registry: Registry) => Promise<T>): Promise<T> {
  const registry = await Registry.open({ folder: `${folder}/registry` });
  return body(registry).finally(() => registry.close());
}

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  const code = await main([...argv, "--registry", `${folder}/registry`]);
  vi.restoreAllMocks();
  return { code, ...written };
}

const comparison = {
  ...{ served: "v1", numPairs: 400, numExact: 371, numFailed: 2, numDropped: 30, similarity: 0.972, sameUntil: 0.96 },
  ...{ numWords: { served: 5, mirrored: 6 }, firstTokenMs: { served: 20, mirrored: 30 } },
};

describe("ocellus rollout shadow", () => {
  it("mirrors all answers, or a part of them, until it is ended", async () => {
    expect((await run("rollout", "shadow", "prod", "v2")).stdout).toBe(
      "prod serves v1 · shadow v2 with 100 % of the answers\n",
    );
    expect((await run("rollout", "shadow", "prod", "v2", "--share", "20%")).stdout).toContain(
      "shadow v2 with 20 % of the answers",
    );
    expect((await run("rollout", "shadow", "prod", "--off")).stdout).toBe("prod serves v1\n");
    expect((await run("rollout", "shadow", "prod")).stderr).toMatch(/--off/);
    expect((await run("rollout", "versions", "history")).stdout).toMatch(
      /shadowed by v2\n.*shadowed by v2 with 20 %\n.*no shadow/,
    );
  });

  it("has its figures in the list and in the history", async () => {
    await run("rollout", "shadow", "prod", "v2");
    await withRegistry((registry) => registry.run("shadow", noteComparison("prod", "v2", comparison)));
    const told = "97.2 % alike to v1 over 400, 371 the same, 2 failed";
    expect((await run("rollout", "versions", "list")).stdout).toContain(`prod (shadow: ${told})`);
    expect((await run("rollout", "versions", "history")).stdout).toContain(`shadow  prod: the shadow v2 is ${told}`);
    const { versions } = JSON.parse((await run("rollout", "versions", "list", "--json")).stdout);
    expect(versions.map((version: any) => version.comparison)).toEqual([undefined, comparison]);
  });
});

describe("ocellus rollout canary --agreement", () => {
  it("says how alike answers must be, and how many are compared", async () => {
    await run("rollout", "canary", "prod", "v2", "--agreement", "95%");
    const { stdout } = await run("rollout", "versions", "history", "--json");
    expect(JSON.parse(stdout).at(-1).event.plan.agreement).toEqual({ floor: 0.95, share: 0.1 });
    expect((await run("rollout", "versions", "history")).stdout).toContain("analysed, at least 95 % alike on 10 %");
  });

  it.each([
    [["--mirror", "10%"], /--mirror: .*--agreement/],
    [["--agreement", "100%"], /--agreement: .*100 %/],
    [["--agreement", "0"], /--agreement .*'0'/],
  ])("refuses %j", async (flags, message) => {
    expect(await run("rollout", "canary", "prod", "v2", ...flags)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message),
    });
  });
});

describe("ocellus rollout canary --steps, --every, --gate", () => {
  const gate = "https://gate.example/prod?team=eyes";
  const plan = async () => JSON.parse((await run("rollout", "versions", "history", "--json")).stdout).at(-1).event.plan;

  it("writes the plan, which begins at 0 % and asks the gate, and prints it", async () => {
    const { stdout } = await run(
      ...["rollout", "canary", "prod", "v2", "--steps", "0,5,25%, 100 %", "--every", "10m", "--gate", gate],
    );
    expect(stdout).toBe("prod serves v1 · canary v2 with 0 %\n");
    expect(await plan()).toEqual({ steps: [0, 0.05, 0.25, 1], analysis: true, stepSeconds: 600, gate });
    expect((await run("rollout", "versions", "history")).stdout).toContain(
      `prod tries v2 with 0 % → 5 % → 25 % → 100 %, analysed, at least 600 s a step, asking ${gate}`,
    );
  });

  it("takes the clock in place of an analysis", async () => {
    await run("rollout", "canary", "prod", "v2", "--no-analysis", "--every", "2h", "--gate", gate, "--steps", "50");
    expect(await plan()).toEqual({ steps: [0.5], analysis: false, stepSeconds: 7200, gate });
  });

  it.each([
    ["1s", 1],
    ["90 s", 90],
    ["30d", 2_592_000],
  ])("reads the duration %s", async (every, stepSeconds) => {
    await run("rollout", "canary", "prod", "v2", "--every", every);
    expect(await plan()).toMatchObject({ stepSeconds });
  });

  it.each([
    ["--every", "0s"],
    ["--every", "31d"],
    ["--every", "600"],
    ["--every", "1w"],
    ["--steps", "0"],
    ["--steps", "0,0,5"],
    ["--steps", "5,5"],
    ["--steps", "25,5"],
    ["--steps", "5,"],
    ["--steps", "-5,5"],
    ["--steps", "5,101"],
    ["--gate", "gate.example"],
    ["--gate", "file:///etc/passwd"],
    ["--gate", "https://me:secret@gate.example/"],
    ["--no-analysis", "--gate", gate],
  ])("refuses %j, naming the flag, and writes nothing", async (...flags) => {
    const { code, stderr } = await run("rollout", "canary", "prod", "v2", ...flags);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(flags.at(-2)!.replace("--no-analysis", "gate").replace(/^--/, "")),
    ]);
    await withRegistry(async ({ state }) => expect(state.aliases.get("prod")).not.toHaveProperty("canary.tag"));
  });
});

describe("ocellus requests show", () => {
  it("names the versions that were asked too, and what no one was given", async () => {
    const at = Date.parse("2026-11-25T02:00:00Z");
    await withRegistry(async ({ answers }) => {
      answers.add({ requestId: "mine", at, model: "prod", tag: "v1", role: "stable", reason: "prod serves it" });
      const reason = "asked too and not served: 75.0 % alike";
      answers.add({ requestId: mirroredId("mine", "shadow"), at, model: "prod", tag: "v2", role: "shadow", reason });
    });
    expect((await run("requests", "show", "mine")).stdout).toBe(
      "2026-11-25T02:00:00.000Z  prod → v1 (stable: prod serves it)\n" +
        "2026-11-25T02:00:00.000Z  prod → v2 (shadow: asked too and not served: 75.0 % alike)\n",
    );
  });
});
