/** The commands that get, show and remove checkpoints, against a stand-in for the hub that serves the bundled demo model. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { formatBytes } from "../../../core/base/index.js";
import { commit, type Substitute, startStandIn } from "../../../hub/stand-in.testkit.js";
import { main } from "../../main.js";
import { bundledModel, exampleImages } from "../../package-files.js";

const repo = "ocellus/ocellus-tiny";
/** Fetched are all files but the card. */
const fetched = readdirSync(bundledModel).filter((name) => name !== "README.md");
const sizeOf = (names: readonly string[]) =>
  formatBytes(names.reduce((sum, name) => sum + statSync(join(bundledModel, name)).size, 0));
const token = "hf_secretsecret";
let standIn: Substitute;
let cache: string;

beforeAll(async () => {
  const names = readdirSync(bundledModel);
  standIn = await startStandIn(
    repo,
    Object.fromEntries(names.map((name) => [name, readFileSync(join(bundledModel, name))])),
  );
});
afterAll(() => standIn.close());

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "ocellus-pull-"));
  for (const [name, value] of Object.entries({ OCELLUS_CACHE: cache, HF_ENDPOINT: standIn.endpoint, HF_TOKEN: token }))
    vi.stubEnv(name, value);
  vi.stubEnv("HF_HUB_OFFLINE", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    }),
  );
  try {
    return { code: await main(argv), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe("ocellus pull, list, ask and rm", () => {
  it("fetches a model once, answers with it by name, and removes it", async () => {
    const folder = join(cache, "models", "ocellus--ocellus-tiny", commit);
    const pulled = await run("pull", repo);
    expect(pulled).toMatchObject({ code: 0, stdout: `${repo}: pulled, ${sizeOf(fetched)}\n${folder}\n` });
    expect(pulled.stderr).toContain(`at 0123456789ab: ${fetched.length} files, ${sizeOf(fetched)}\n`);
    expect(pulled.stderr).toContain(`left out (${sizeOf(["README.md"])}): README.md; --include`);
    expect(await run("pull", repo)).toEqual({
      code: 0,
      stdout: `${repo}: already downloaded\n${folder}\n`,
      stderr: "",
    });

    const image = join(exampleImages, readdirSync(exampleImages).filter((name) => name.endsWith(".jpg"))[0]!);
    const ask = ["ask", image, "What is this?", "--threads", "1", "--json", "--model"];
    const byName = await run(...ask, repo);
    expect(byName.code, byName.stderr).toBe(0);
    const byPath = await run(...ask, bundledModel);
    expect(JSON.parse(byName.stdout).text).toBe(JSON.parse(byPath.stdout).text);

    const list = await run("list");
    expect(list.stdout).toMatch(/^ocellus\/ocellus-tiny +\S+ MB +main 0123456789ab +\d{4}-\d\d-\d\d\n/);
    expect(list.stdout).toMatch(/packed +\d{4}-\d\d-\d\d\n$/);
    expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject({ pulled: [{ repo, commit, folder }] });

    expect((await run("rm", repo, "--json")).stderr).toMatch(/ocellus-tiny@0123456789ab .*--yes/);
    expect(await run("rm", "--packed", "--yes")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^removed /) });
    expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject({ pulled: [{ repo }], packed: [] });
    expect(await run("rm", repo, "--packed", "--yes")).toMatchObject({ code: 2 });
    const removed = await run("rm", `${repo}@main`, "--yes");
    expect(removed).toMatchObject({ code: 0, stdout: `removed ${repo} 0123456789ab\n${sizeOf(fetched)} freed\n` });
    expect(await run(...ask, repo)).toMatchObject({ code: 3, stderr: expect.stringContaining(`ocellus pull ${repo}`) });
    expect(readdirSync(join(cache, "models")).filter((name) => name !== ".partial")).toEqual([]);
  });

  it("keeps an interrupted pull, lists it, and removes it with --partial", async () => {
    standIn.faults.push({ on: "/tokenizer.json", status: 403, headers: { "x-error-code": "GatedRepo" } });
    const refused = await run("pull", repo, "--json");
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "unavailable", details: { gated: true } } });
    expect(refused.stderr).not.toContain(token);
    expect((await run("list")).stdout).toMatch(/^ocellus\/ocellus-tiny +\S+ \S+ +partial 0123456789ab\n$/);
    expect(await run("rm", "--partial", "--yes")).toMatchObject({ code: 0, stdout: expect.stringMatching(/freed\n$/) });
    expect((await run("list")).stdout).toBe("no models yet; download one with: ocellus pull OWNER/NAME\n");
  });

  it.each([
    [["rm"], 2, /^error: rm: /],
    [["rm", "no/such"], 3, /rm: .*no\/such/],
    [["pull", "../x"], 2, /"\.\.\/x"/],
    [["pull", repo, "--offline"], 3, /ocellus-tiny.*--offline/],
    [["pull", repo, "--revision", "../x"], 2, /^error: .*revision/i],
  ])("refuses %j with exit code %i", async (argv, code, message) => {
    expect(await run(...argv)).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(message) });
  });
});
