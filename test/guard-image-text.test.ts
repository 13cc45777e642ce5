/** Guardrails at the text that stands in images: what they find there, where, and what happens when it cannot be read. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { type Guards, parsePolicy } from "../src/guardrails/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { dataUrl, digestOf, openGuards, type Witness, witness } from "./support/guards.js";
import { startServer, type TestServer } from "./support/server.js";

/** "热巧克力" stands at 40, 310; "021-5588-7766" in the last line, at 550. */
const receipt = readFileSync(join(repository, "test/golden/ocr/receipt.png"));
const words = { type: "words", lists: ["drinks.txt"], readImages: true };
const personal = { type: "personal-data", kinds: ["phone"], readImages: true };

let server: TestServer;
let guards: Guards;
let model: Witness;
let folder: string;
async function start(policy: object): Promise<void> {
  folder = temporaryFolder();
  writeFileSync(join(folder, "drinks.txt"), "热巧克力\n");
  model = witness();
  guards = await openGuards(folder, policy);
  server = await startServer({ model }, {}, { guards });
}
afterEach(async () => {
  await server?.close();
  await guards?.close();
});

interface Answer {
  readonly error?: { readonly code: string };
  readonly ocellus: { readonly guards: readonly Readonly<Record<string, unknown>>[] };
}

async function show() {
  const content = [{ type: "image_url", image_url: { url: dataUrl(receipt) } }];
  const response = await server.post("/v1/chat/completions", { messages: [{ role: "user", content }] });
  return { status: response.status, ...((await response.json()) as Answer) };
}

/** Some pixels wide, around a place. */
const near = (x: number, y: number) => ({
  ...{ x: expect.closeTo(x, -1.2), y: expect.closeTo(y, -1.2) },
  ...{ width: expect.any(Number), height: expect.any(Number) },
});

describe("a guardrail that reads images", () => {
  it("blocks a word of its list and personal data, and says where in which image", async () => {
    await start({ guards: { words, personal }, audit: { file: "audit.jsonl" } });
    const { status, error, ocellus } = await show();
    expect([status, error?.code]).toEqual([400, "content_filter"]);
    expect(ocellus.guards).toMatchObject([
      { name: "words", verdict: "block", region: near(38, 317) },
      { name: "personal", verdict: "block", region: near(38, 548) },
    ]);
    expect(model.seen).toEqual([]);
    const audit = readFileSync(join(folder, "audit.jsonl"), "utf8");
    const { checks } = JSON.parse(audit.trim().split("\n")[0]!);
    expect(checks).toMatchObject([
      { guard: "words", sha256: await digestOf(receipt), findings: [{ region: near(38, 317) }] },
      { guard: "personal", sha256: await digestOf(receipt), findings: [{ region: near(38, 548) }] },
    ]);
    expect(audit).not.toContain("7766");
  });

  it("lets an image pass that it does not look at, and one that has nothing of what it looks for", async () => {
    await start({ guards: { words: { ...words, readImages: false }, personal: { ...personal, kinds: ["email"] } } });
    expect((await show()).status).toBe(200);
  });

  it("has not checked what it could not read in time, and the policy says what happens then", async () => {
    await start({ guards: { words: { ...words, timeoutMs: 1 } } });
    const { status, ocellus } = await show();
    expect([status, ocellus.guards]).toMatchObject([503, [{ name: "words", failed: expect.any(String) }]]);
    await server.close();
    await guards.close();
    await start({ guards: { words: { ...words, timeoutMs: 1, onFailure: "allow" } } });
    expect((await show()).status).toBe(200);
  });

  it("stands before `ocellus read` too: what it redacts in a text, it blocks in an image", async () => {
    const folder = temporaryFolder();
    const policy = join(folder, "policy.json");
    const guard = { type: "personal-data", kinds: ["phone"] };
    writeFileSync(policy, JSON.stringify({ guards: { guard }, rules: [{ action: "redact" }] }));
    const written = ["stdout", "stderr"].map((name) =>
      vi.spyOn(process[name as "stdout"], "write").mockReturnValue(true),
    );
    const code = await main(["read", join(repository, "test/golden/ocr/receipt.png"), "--guards", policy]);
    const said = written.map(({ mock }) => mock.calls.join(" "));
    vi.restoreAllMocks();
    expect([code, said[0]]).toEqual([12, ""]);
    expect(said[1]).not.toContain("7766");
  });

  it("is one that images come to", () => {
    const policy = JSON.stringify({ guards: { words: { ...words, stage: ["output"] } } });
    expect(() => parsePolicy(policy, "p.json")).toThrow(
      ocellusError("invalid_config", { field: "guards.words.readImages" }),
    );
    const asking = JSON.stringify({ guards: { hook: { type: "nsfw", readImages: true } } });
    expect(() => parsePolicy(asking, "p.json")).toThrow(
      ocellusError("invalid_config", { field: "guards.hook.readImages" }),
    );
  });
});
