/** Where the commands about versions look for a registry, and that none of them makes one by a slip of the finger. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { main } from "../../main.js";

let root: string;
beforeEach(() => {
  root = temporaryFolder();
  vi.stubEnv("OCELLUS_CACHE", join(root, "cache"));
  vi.stubEnv("OCELLUS_DATA", join(root, "data"));
  vi.stubEnv("OCELLUS_REGISTRY", "");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Runs in this process: these command lines open no model. */
async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  const code = await main(argv);
  vi.restoreAllMocks();
  return { code, ...written };
}

function model(): string {
  const folder = mkdtempSync(join(root, "model-"));
  writeFileSync(join(folder, "config.json"), '{"model_type": "qwen3"}');
  return folder;
}

/** With their least arguments. */
const readers = [
  ...["list", "history", "gc", "show v1", "verify v1", "diff v1 v2", "rm v1", "export v1 out"].map(
    (command) => `rollout versions ${command}`,
  ),
  ...[
    "rollout deploy prod v1",
    "rollout canary prod v1",
    "rollout shadow prod v1",
    "rollout promote prod",
    "rollout rollback prod",
    "rollout pause prod",
    "rollout resume prod",
  ],
  ...["requests show request", "serve --port 0"],
];

describe("a registry that is not there", () => {
  it.each(readers)("is not made by `%s`, whose exit code is that of what was not found", async (command) => {
    const folder = join(root, "regsitry");
    const { code, stderr } = await run(...command.split(" "), "--registry", folder, "--json");
    expect({ code, error: JSON.parse(stderr).error }).toMatchObject({
      code: 3,
      error: { code: "not_found", details: { folder } },
    });
    expect(readdirSync(root)).toEqual([]);
  });

  it("is made by `publish`, which says so, if the folder around it is there and it holds nothing else", async () => {
    const source = model();
    const publish = (folder: string) =>
      run("rollout", "publish", source, "--tag", "v1", "--registry", join(root, folder));
    expect(await publish("typo/registry")).toMatchObject({ code: 3 });
    mkdirSync(join(root, "other"));
    writeFileSync(join(root, "other", "notes.txt"), "");
    expect(await publish("other")).toMatchObject({ code: 2 });
    expect([existsSync(join(root, "typo")), readdirSync(join(root, "other"))]).toEqual([false, ["notes.txt"]]);
    const { code, stderr } = await publish("registry");
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(`note: ${join(root, "registry")} created as a new registry`),
    ]);
  });
});

describe("without --registry", () => {
  it("versions are kept in the data folder, also where there was none yet", async () => {
    expect(await run("rollout", "versions", "list")).toMatchObject({ code: 3 });
    expect(existsSync(join(root, "data"))).toBe(false);
    expect(await run("rollout", "publish", model(), "--tag", "v1")).toMatchObject({ code: 0 });
    expect(readdirSync(join(root, "data"))).toEqual(["registry"]);
    expect((await run("rollout", "versions", "list")).stdout).toMatch(/v1 +qwen3/);
  });

  it("versions that an earlier Ocellus kept among the caches are found there", async () => {
    await run("rollout", "publish", model(), "--tag", "v1");
    mkdirSync(join(root, "cache"), { recursive: true });
    renameSync(join(root, "data", "registry"), join(root, "cache", "registry"));
    const { stdout, stderr } = await run("rollout", "versions", "list");
    expect(stdout).toMatch(/v1 +qwen3/);
    expect(stderr).toContain(join(root, "data", "registry"));
  });

  it("a data folder that cannot be made is said, with what else can be named", async () => {
    writeFileSync(join(root, "file"), "");
    vi.stubEnv("OCELLUS_DATA", join(root, "file", "data"));
    const { code, stderr } = await run("rollout", "publish", model(), "--tag", "v1");
    expect([code, stderr]).toEqual([9, expect.stringMatching(/OCELLUS_DATA or --registry/)]);
  });
});

it("neither a server nor a batch begins on collections that are not there", async () => {
  const folder = join(root, "typo", "collections");
  expect(await run("serve", "--port", "0", "--collections", folder)).toMatchObject({ code: 3 });
  const inside = join(root, "collections");
  expect(await run("serve", "--port", "0", "--collections", inside, "--collections-read-only")).toMatchObject({
    code: 3,
  });
  const asked = join(root, "in.jsonl");
  const body = { model: "tiny", messages: [{ role: "user", content: "?" }] };
  writeFileSync(asked, JSON.stringify({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body }));
  expect(await run("batch", asked, "--out", join(root, "out.jsonl"), "--collections", inside)).toMatchObject({
    code: 3,
  });
  expect(readdirSync(root)).toEqual(["in.jsonl"]);
});
