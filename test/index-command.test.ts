/** `ocellus index sync`, `check`, `export` and `import` as a user runs them, and the names that a guardrail redacts. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { embedding, withEitherModel } from "../src/cli/commands/models/open-embedder.js";
import { main } from "../src/cli/main.js";
import type { Terminal } from "../src/cli/ui/terminal.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { writePolicy } from "./support/guards.js";

const data = temporaryFolder();
vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("OCELLUS_DATA", data);
const clip = join(repository, "test/golden/clip/gelu");
const images = ["boots.jpg", "dress.jpg", "pair.jpg"].map((name) => join(repository, "examples/pictures", name));

async function ocellus(...argv: string[]): Promise<{ code: number; json: any; stderr: string }> {
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      out[name] += text;
      return true;
    });
  const code = await main([...argv, "--json"]);
  vi.restoreAllMocks();
  return { code, json: out.stdout === "" ? undefined : JSON.parse(out.stdout), stderr: out.stderr };
}
const put = (command: "add" | "sync", ...rest: string[]) => ocellus("index", command, ...rest, "--model", clip);
const sourcesOf = async (name: string) => {
  const { json } = await ocellus("index", "duplicates", name, "--min-score", "0");
  return json.groups.flatMap(({ entries }: any) => entries.map(({ source }: any) => source)).sort();
};

/** Three pictures under these names. */
function shop(names = ["a.jpg", "b.jpg", "c.jpg"]): string {
  const folder = temporaryFolder();
  for (const [i, name] of names.entries()) copyFileSync(images[i]!, join(folder, name));
  return folder;
}

describe("a model that makes vectors", () => {
  it.each([
    ...[{ draftModel: "a-small-model" }, { speculation: "auto" }],
    ...[{ prefillWeights: "int8" }, { kvCacheDtype: "int8" }],
  ] as const)("refuses %o, which it cannot honour", async (option) => {
    const [[name, found]] = Object.entries(option) as [[string, string]];
    const flags = { model: clip, json: true, ...option };
    const open = (given: typeof flags) => withEitherModel(given, {} as Terminal, async ({ kind }) => kind);
    await expect(open(flags)).rejects.toThrow(ocellusError("invalid_request", { option: name, found }));
    await expect(open(embedding(flags))).resolves.toBe("clip");
  });
});

describe("ocellus index add --read-text", () => {
  it("finds an image by the words that stand in it, and adds again what was added without them", async () => {
    const folder = shop(["dress.jpg"]);
    copyFileSync(join(repository, "test/golden/ocr/receipt.png"), join(folder, "scan.png"));
    expect((await put("add", "scans", folder)).json).toMatchObject({ added: 2, size: 2 });
    expect((await put("add", "scans", folder, "--read-text")).json).toMatchObject({ replaced: 2, size: 2 });
    expect((await put("add", "scans", folder, "--read-text")).json).toMatchObject({ known: 2, replaced: 0 });
    const { json } = await ocellus("index", "search", "scans", "--text", "热巧克力", "--model", clip);
    expect(json.hits[0]).toMatchObject({
      source: join(folder, "scan.png"),
      text: expect.stringMatching(/热巧克力 ￥26.00\n/),
    });
  });
});

describe("ocellus index sync", () => {
  it("says what has no source any more, and removes it only with --prune", async () => {
    const folder = shop();
    expect((await put("sync", "sync", folder)).json).toMatchObject({ added: 3, gone: 0, pruned: 0, size: 3 });
    mkdirSync(join(folder, "in"));
    renameSync(join(folder, "a.jpg"), join(folder, "in", "a.jpg"));
    rmSync(join(folder, "b.jpg"));
    expect((await put("sync", "sync", folder)).json).toMatchObject({ added: 1, known: 1, gone: 2, pruned: 0, size: 4 });
    expect((await put("sync", "sync", folder, "--prune")).json).toMatchObject({
      known: 2,
      gone: 2,
      pruned: 2,
      size: 2,
    });
    expect(await sourcesOf("sync")).toEqual([join(folder, "c.jpg"), join(folder, "in", "a.jpg")]);
  });

  it("removes nothing where something named cannot be read", async () => {
    const [folder, other] = [shop(), shop(["d.jpg"])];
    await put("add", "partly", folder, other);
    const { code, json, stderr } = await put("sync", "partly", folder, `${other}-absent`, "--prune");
    expect([code, json]).toMatchObject([4, { known: 3, gone: 1, pruned: 0, size: 4 }]);
    expect(stderr).toContain(`${other}-absent`);
  });

  it("follows names that a guardrail redacts: nothing is added again, removed or replaced by another", async () => {
    const folder = shop(["a.jpg", "call 13812345678.jpg", "call 13912345678.jpg"]);
    const policy = {
      guards: { personal: { type: "personal-data", stage: ["input"] } },
      rules: [{ guard: "personal", action: "redact" }],
    };
    vi.stubEnv("OCELLUS_GUARDS", writePolicy(temporaryFolder(), policy));
    const first = await put("sync", "named", folder, "--prune");
    expect([first.code, first.json]).toMatchObject([
      4,
      { added: 2, failed: [{ source: join(folder, "call 13912345678.jpg") }] },
    ]);
    const names = await sourcesOf("named");
    expect(names.join()).not.toContain("13812345678");
    const again = { added: 0, known: 2, replaced: 0, gone: 0, pruned: 0, size: 2 };
    expect((await put("sync", "named", folder, "--prune")).json).toMatchObject(again);
    expect((await put("add", "named", folder)).json).toMatchObject({ added: 0, known: 2, replaced: 0 });
    rmSync(join(folder, "call 13812345678.jpg"));
    rmSync(join(folder, "call 13912345678.jpg"));
    expect((await put("sync", "named", folder, "--prune")).json).toMatchObject({ known: 1, pruned: 1, size: 1 });
    vi.stubEnv("OCELLUS_GUARDS", "");
  });
});

describe("ocellus index check, export and import", () => {
  it("name what is damaged with exit code 4, keep what is whole, and copy only what is", async () => {
    await put("add", "whole", shop());
    const snapshot = join(temporaryFolder(), "snapshot");
    expect((await ocellus("index", "check", "whole")).json).toMatchObject({
      entries: 3,
      lost: [],
      images: [],
      files: [],
    });
    expect((await ocellus("index", "export", "whole", snapshot)).json).toMatchObject({ entries: 3, folder: snapshot });
    expect((await ocellus("index", "export", "whole", snapshot)).code).toBe(2); // it is there already
    const files = readdirSync(join(data, "collections", "whole"));
    const log = join(data, "collections", "whole", files.find((name) => name.startsWith("entries-"))!);
    const bytes = readFileSync(log);
    bytes[20]! ^= 1;
    writeFileSync(log, bytes);
    const found = await ocellus("index", "check", "whole");
    expect([found.code, found.json]).toMatchObject([4, { entries: 2, lost: [{ at: 0 }], repaired: false }]);
    expect((await ocellus("index", "export", "whole", `${snapshot}-2`)).code).toBe(4);
    expect((await ocellus("index", "check", "whole", "--repair")).json).toMatchObject({ entries: 2, repaired: true });
    expect((await ocellus("index", "check", "whole")).json).toMatchObject({ entries: 2, lost: [] });
    expect((await ocellus("index", "import", "whole", snapshot)).code).toBe(2); // there is one of that name
    expect((await ocellus("index", "import", "again", snapshot)).json).toMatchObject({ entries: 3 });
    expect(await sourcesOf("again")).toHaveLength(3);
    expect((await ocellus("index", "import", "none", join(data, "absent"))).code).toBe(3);
  });

  it("list and remove one that cannot be opened", async () => {
    await put("add", "broken", shop(["a.jpg"]));
    for (const name of ["collection.json", "collection-copy.json"])
      writeFileSync(join(data, "collections", "broken", name), "{");
    const { code, json } = await ocellus("index", "list");
    expect([code, json]).toMatchObject([0, { damaged: [{ name: "broken" }] }]);
    expect((await ocellus("index", "stats", "broken")).code).toBe(4);
    expect((await ocellus("index", "rm", "broken", "-y")).json).toMatchObject({ left: 0 });
    expect((await ocellus("index", "list")).json.damaged).toEqual([]);
  });
});
