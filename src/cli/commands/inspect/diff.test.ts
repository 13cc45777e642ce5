import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { writeCheckpoint } from "../../../inspect/unknown-family.testkit.js";
import { main } from "../../main.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-diff-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(argv), ...written };
}

const shapes = { "resampler.q.weight": [8, 8], "model.layers.0.mlp.up_proj.weight": [8, 8] };
let a: string;
let b: string;
beforeAll(async () => {
  a = await writeCheckpoint(join(folder, "a"), shapes, { rope_theta: 1 });
  b = await writeCheckpoint(
    join(folder, "b"),
    { ...shapes, "extra\u001b[2J.weight": [2] },
    { rope_theta: 2 },
    (name, i) => (name.startsWith("resampler") ? 2 * Math.sin(i + 1) : Math.sin(i + 1)),
  );
});

describe("ocellus diff", () => {
  it("says in text which part moved, which names and which configs differ", async () => {
    const { code, stdout } = await run("diff", a, b);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^only the resampler moved; 1 tensor added; the configs differ\n/);
    expect(stdout).toMatch(/resampler +1 of 1 tensors +50 %/);
    expect(stdout).toContain("config.json rope_theta: 1 → 2");
    expect(stdout).not.toContain("\u001b");
  });

  it("shows how much became NaN, where no relative change can", async () => {
    const broken = await writeCheckpoint(join(folder, "broken"), shapes, { rope_theta: 1 }, (name, i) =>
      name.startsWith("resampler") && i < 45 ? Number.NaN : Math.sin(i + 1),
    );
    const { code, stdout } = await run("diff", a, broken);
    expect(code).toBe(0);
    expect(stdout).toMatch(/resampler +1 of 1 tensors +– +NaN or infinite: 0 → 45/);
    expect(stdout).toMatch(/resampler\.q\.weight +\[8, 8\] +– +0 +70 % +0 → 45/);
  });

  it("prints the whole diff with --json, and nothing else", async () => {
    const { code, stdout, stderr } = await run("diff", a, b, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      isEqual: false,
      a,
      b,
      parts: [{ title: "resampler" }, { title: "decoder" }],
    });
  });

  it("reads no values with --quick", async () => {
    const { code, stdout } = await run("diff", a, b, "--quick");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^values were not read; 1 tensor added; the configs differ\n/);
    expect(stdout).not.toContain("moved");
  });

  it("is content when nothing differs", async () => {
    expect(await run("diff", a, a)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nothing differs: /) });
  });

  it.each([
    [["no-such-folder"], 3, /^error: .*no-such-folder/],
    [[], 2, /^error: missing required argument 'b'\n$/],
  ])("refuses the second path %j with exit code %i", async (more, wanted, message) => {
    const { code, stdout, stderr } = await run("diff", a, ...more);
    expect({ code, stdout }).toEqual({ code: wanted, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

describe("--html", () => {
  it.each([
    [
      "diff",
      (page: string) => ["diff", a, b, "--html", page],
      "Only the resampler moved; 1 tensor added; the configs differ.",
    ],
    ["inspect", (page: string) => ["inspect", a, "--html", page], '"heading":"a"'],
  ])("%s writes a page beside its text, over an older one", async (_, argv, held) => {
    const page = join(folder, "page.html");
    writeFileSync(page, "old");
    const { code, stdout, stderr } = await run(...argv(page));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/page\.html {2}[\d.]+ kB\n$/) });
    expect(stdout).not.toBe("");
    expect(readFileSync(page, "utf8")).toContain(held);
  });

  it("names the page in the JSON, and leaves the verdict to --health", async () => {
    const bad = await writeCheckpoint(join(folder, "bad"), { "x.weight": [8, 8] }, {}, () => 0);
    const page = join(folder, "bad.html");
    const { code, stdout } = await run("inspect", bad, "--html", page, "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, healthy: false, page });
    expect((await run("inspect", bad, "--html", page, "--health")).code).toBe(4);
  });

  it.each(["--safe", "--tensor=x"])("is not taken beside %s, which reads something else", async (other) => {
    const { code, stderr } = await run("inspect", a, "--html", join(folder, "never.html"), other);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/'--html .*'--(safe|tensor)/),
    });
  });

  it("is refused before anything is read where its folder does not exist, and leaves nothing where it cannot be written", async () => {
    const absent = await run("inspect", a, "--html", join(folder, "absent", "page.html"));
    expect(absent).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringMatching(/^error: .*page\.html.*\n$/),
    });
    const taken = join(folder, "taken");
    mkdirSync(join(taken, "page.html"), { recursive: true });
    expect((await run("diff", a, b, "--html", join(taken, "page.html"))).code).not.toBe(0);
    expect(readdirSync(taken)).toEqual(["page.html"]);
  });
});
