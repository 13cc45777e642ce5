/** Nothing is stored that a guardrail forbids and users are shown later: names, labels, notes and reasons, by HTTP and by commands. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { temporaryFolder } from "./support/folders.js";
import { dataUrl, embeddingWitness, forbiddenWord, image, openGuards, witness, writePolicy } from "./support/guards.js";
import { startServer } from "./support/server.js";
import { startVersionedServer } from "./support/versioned-server.js";

const policy = {
  guards: { words: { type: "words", lists: ["words.txt"] }, personal: { type: "personal-data" } },
  rules: [{ category: "personal_data", action: "redact", pseudonym: true }],
};
const phone = "13812345678";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("over HTTP", () => {
  it("names of aliases and reasons pass guardrails, whole or not at all", async () => {
    const guards = await openGuards(temporaryFolder(), policy);
    const opened = await startVersionedServer({ v1: {}, v2: {} }, { guards, options: { guards } });
    const { server, registry } = opened;
    try {
      await server.post("/admin/v1/aliases/prod/canary", { version: "v2", steps: [0.5], analysis: false });
      const before = (await registry.history()).length;
      const post = async (path: string, body: object) => server.post(`/admin/v1/aliases/${path}`, body);
      for (const [path, body] of [
        [`${forbiddenWord}/deploy`, { version: "v1" }],
        [`${phone}/deploy`, { version: "v1" }],
        ["prod/rollback", { reason: forbiddenWord }],
        ["prod/promote", { reason: `call ${phone}` }],
      ] as const) {
        const response = await post(path, body);
        expect(await response.json(), path).toMatchObject({ error: { code: "content_filter" } });
        expect(response.status).toBe(400);
      }
      expect(await registry.history()).toHaveLength(before);
      expect((await post("prod/rollback", { reason: "slow" })).status).toBe(200);
    } finally {
      await opened.close();
      await guards.close();
    }
  });

  it("an entry is removed by the name it was sent with, of which a part was redacted, and by no other", async () => {
    const guards = await openGuards(temporaryFolder(), policy);
    const server = await startServer({ model: witness() }, { collections: temporaryFolder() }, { guards });
    server.pool.add("eye", embeddingWitness());
    const root = "/v1/ocellus/collections";
    const post = async (path: string, body: object) => (await server.post(`${root}${path}`, body)).json() as any;
    try {
      await post("", { name: "shop" });
      const sources = [`${phone}.png`, "13912345679-b.png", "plain.png"];
      const { data } = await post("/shop/entries", {
        entries: sources.map((source, i) => ({ image_url: dataUrl(image(i + 1)), source })),
      });
      expect(data.map(({ source }: any) => source)).toEqual(["[phone].png", "[phone]-b.png", "plain.png"]);
      const remove = (...names: string[]) => post("/shop/entries/delete", { sources: names });
      expect(await remove("13812345678-none.png")).toMatchObject({ removed: 0, entries: 3 });
      expect(await remove(`${phone}.png`)).toMatchObject({ removed: 1, entries: 2 });
      expect(await remove("[phone]-b.png", "plain.png")).toMatchObject({ removed: 2, entries: 0 });
    } finally {
      await server.close();
      await guards.close();
    }
  });

  it("a number of metadata that is redacted is kept as the text that stands for it", async () => {
    const guards = await openGuards(temporaryFolder(), policy);
    const server = await startServer({ model: witness() }, { collections: temporaryFolder() }, { guards });
    try {
      server.pool.add("clip", embeddingWitness());
      await server.post("/v1/ocellus/collections", { name: "shelf", model: "clip" });
      const metadata = { owner: Number(phone), year: 2026, note: `call ${phone}` };
      const entries = [{ source: "a.png", image_url: dataUrl(image(1)), metadata }];
      expect((await server.post("/v1/ocellus/collections/shelf/entries", { entries })).status).toBe(200);
      const [entry] = (await server.services.collections!.open("shelf")).ofSource("a.png");
      expect(entry).toMatchObject({ metadata: { owner: "[phone]", year: 2026, note: "call [phone]" } });
    } finally {
      await server.close();
      await guards.close();
    }
  });
});

describe("by commands", () => {
  it("tags, notes, aliases and reasons pass guardrails too", async () => {
    const root = temporaryFolder();
    vi.stubEnv("OCELLUS_GUARDS", writePolicy(root, policy));
    const registry = join(root, "registry");
    mkdirSync(join(root, "model"));
    writeFileSync(join(root, "model", "config.json"), '{"model_type": "qwen3"}');
    for (const name of ["stdout", "stderr"] as const) vi.spyOn(process[name], "write").mockReturnValue(true);
    const run = (...argv: string[]) => main([...argv, "--registry", registry]);
    const publish = (...more: string[]) => run("rollout", "publish", join(root, "model"), ...more);
    for (const tag of ["v1", "v2"]) expect(await publish("--tag", tag)).toBe(0);
    expect(await run("rollout", "deploy", "prod", "v1", "--no-wait")).toBe(0);
    expect(await run("rollout", "canary", "prod", "v2", "--no-wait")).toBe(0);
    const refused = await main(["rollout", "deploy", forbiddenWord, "v1", "--registry", registry, "--no-wait"]);
    expect(refused).not.toBe(0);
    for (const argv of [
      ["rollout", "publish", join(root, "model"), "--tag", forbiddenWord],
      ["rollout", "publish", join(root, "model"), "--tag", "v3", "--notes", `of ${phone}`],
      ["rollout", "rollback", "prod", "--reason", forbiddenWord, "--no-wait"],
      ["rollout", "promote", "prod", "--reason", forbiddenWord, "--no-wait"],
    ])
      expect(await run(...argv), argv.join(" ")).toBe(refused);
    expect(await run("rollout", "rollback", "prod", "--reason", "slow", "--no-wait")).toBe(0);
  });
});
