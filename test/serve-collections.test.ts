/** Collections and matches over HTTP: added, found, cited, removed; by keys, limits and bad input as every route. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import { loadDualEncoder } from "../src/core/runtime/index.js";
import type {
  ChatCompletion,
  ErrorBody,
  WireCollectionStats,
  WireEntry,
  WireHit,
  WireMatch,
  WireResponse,
} from "../src/protocol/index.js";
import { createKey, KeyRing, keyFileText } from "../src/server/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const folder = temporaryFolder();
const imagesFolder = join(repository, "examples/pictures");
const bytesOf = (name: string) => readFileSync(join(imagesFolder, name));
const urlOf = (bytes: Uint8Array, type = "image/jpeg") =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;

let server: TestServer;
const root = "/v1/ocellus/collections";

beforeAll(async () => {
  server = await startServer({ tiny: await loadTiny() }, { collections: folder });
  server.pool.add("clip", await loadDualEncoder(join(repository, "test/golden/clip/gelu")));
});
afterAll(async () => {
  await server.close();
  for (const { model } of server.services.models.all()) await model.close();
});

async function sent<T>(path: string, body?: unknown, method = body === undefined ? "GET" : "POST"): Promise<T> {
  const response =
    method === "POST" ? await server.post(root + path, body) : await fetch(`${server.url}${root}${path}`, { method });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as T;
}

async function refused(path: string, body: unknown, method = "POST"): Promise<{ status: number; message: string }> {
  const response = method === "POST" ? await server.post(path, body) : await fetch(`${server.url}${path}`, { method });
  return { status: response.status, message: ((await response.json()) as ErrorBody).error.message };
}

const names = readdirSync(imagesFolder).filter((name) => /\.(jpg|png)$/.test(name));
const catalogue = () =>
  names.map((name) => ({ image_url: urlOf(bytesOf(name)), source: name, metadata: { kind: name.split(/[-.]/)[0] } }));

describe.each(["exact", "hnsw"])("a collection by the answering model's eye, index %s", (kind) => {
  const name = `shop-${kind}`;

  it("finds a picture in another file and size first, by label too, and shows its copy", async () => {
    const made = await sent<WireCollectionStats>("", { name, kind, model: "tiny" });
    expect(made).toMatchObject({ object: "ocellus.collection", name, kind, entries: 0, model: { dimensions: 192 } });
    const { data } = await sent<{ data: WireEntry[] }>(`/${name}/entries`, { entries: catalogue() });
    expect(data.map(({ source }) => source)).toEqual(names);
    const smaller = urlOf(await sharp(bytesOf("dress.jpg")).resize(150).webp().toBuffer(), "image/webp");
    const search = (more: object) =>
      sent<{ data: WireHit[] }>(`/${name}/search`, { image_url: smaller, top_k: 3, ...more }).then((body) => body.data);
    const hits = await search({});
    expect(hits.map(({ source }) => source)[0]).toBe("dress.jpg");
    expect(hits[0]!.score).toBeGreaterThan(0.95);
    expect(hits).toHaveLength(3);
    const screens = names.filter((name) => name.startsWith("screen"));
    const found = await search({ where: { kind: "screen" } });
    expect(found.map(({ source }) => source).sort()).toEqual(screens);
    const image = await fetch(`${server.url}${root}/${name}/entries/${hits[0]!.id}/image`);
    expect(image.headers.get("content-type")).toBe("image/webp");
    expect((await sharp(await image.arrayBuffer()).metadata()).width).toBeLessThanOrEqual(320);
  });

  it("tells the same picture under another name, lists entries page by page, and forgets", async () => {
    const { data: added } = await sent<{ data: (WireEntry & { duplicate_of?: number })[] }>(`/${name}/entries`, {
      entries: [{ image_url: { url: urlOf(bytesOf("dress.jpg")) }, source: "copy.jpg" }],
    });
    const original = names.indexOf("dress.jpg");
    expect(added[0]!.duplicate_of).toBe(original);
    const groups = await sent<{ data: { by: string; entries: WireEntry[] }[] }>(`/${name}/duplicates`);
    expect(groups.data.map(({ by, entries }) => [by, entries.map(({ id }) => id)])).toEqual([
      ["pixels", [original, added[0]!.id]],
    ]);
    const near = await sent<{ data: { by: string; entries: WireEntry[] }[] }>(`/${name}/duplicates?min_score=0.95`);
    expect(near.data.filter(({ by }) => by === "pixels")).toEqual(groups.data);
    const alike = near.data.filter(({ by }) => by === "vector");
    expect(alike.some(({ entries }) => entries.every(({ source }) => source!.startsWith("screen")))).toBe(true);
    const page = await sent<{ data: WireEntry[]; has_more: boolean }>(`/${name}/entries?limit=2&after=0`);
    expect([page.data.map(({ id }) => id), page.has_more]).toEqual([[1, 2], true]);
    await sent(`/${name}/entries/${added[0]!.id}`, undefined, "DELETE");
    const stats = await sent<WireCollectionStats>(`/${name}`);
    expect([stats.entries, stats.distinct]).toEqual([names.length, names.length]);
  });
});

describe("entries of a client's own names", () => {
  it("are replaced by an upsert, filtered by ranges and alternatives, and removed by labels or sources", async () => {
    await sent("", { name: "own", model: "tiny" });
    const dress = urlOf(bytesOf("dress.jpg"));
    const of = (sku: number, price: number) => ({ image_url: dress, source: `SKU-${sku}`, metadata: { price } });
    const upsert = (entries: object[]) => sent<{ data: WireEntry[] }>("/own/entries", { entries, upsert: true });
    await upsert([of(1, 5), of(2, 10), of(3, 15)]);
    const { data } = await upsert([of(2, 20)]);
    expect(data.map(({ id, source }) => [id, source])).toEqual([[3, "SKU-2"]]);
    const found = async (where: object) => {
      const hits = await sent<{ data: WireHit[] }>("/own/search", { image_url: dress, where });
      return hits.data.map(({ source }) => source).sort();
    };
    expect(await found({ price: { $gte: 15 } })).toEqual(["SKU-2", "SKU-3"]);
    expect(await found({ $or: [{ price: { $lt: 6 } }, { price: 15 }] })).toEqual(["SKU-1", "SKU-3"]);
    expect((await refused(`${root}/own/search`, { image_url: dress, where: { $not: 1 } })).status).toBe(400);
    expect((await refused(`${root}/own/entries`, { entries: [of(1, 1), of(1, 2)], upsert: true })).status).toBe(400);
    const removal = (body: object) => sent<{ removed: number; entries: number }>("/own/entries/delete", body);
    expect(await removal({ where: { price: { $gt: 16 } } })).toMatchObject({ removed: 1, entries: 2 });
    expect(await removal({ sources: ["SKU-1", "none"] })).toMatchObject({ removed: 1, entries: 1 });
    for (const body of [{}, { where: {} }, { where: { price: 1 }, sources: ["a"] }])
      expect((await refused(`${root}/own/entries/delete`, body)).status).toBe(400);
    expect(await sent("/own")).toMatchObject({ entries: 1, damaged: 0 });
  });
});

describe("a collection by a CLIP checkpoint", () => {
  it("is searched by words too, and the default model is the one for embeddings", async () => {
    const made = await sent<WireCollectionStats>("", { name: "clip" });
    expect(made.model.name).toMatch(/^clip /);
    await sent("/clip/entries", {
      entries: catalogue().map((each, i) => (i === 2 ? { ...each, text: "最后一件" } : each)),
    });
    const { data } = await sent<{ data: WireHit[] }>("/clip/search", { text: "a picture", top_k: 4 });
    expect(data.map(({ cosine }) => typeof cosine)).toEqual(Array(4).fill("number"));
    const { data: fused } = await sent<{ data: WireHit[] }>("/clip/search", { text: "最后一件", top_k: 4 });
    expect(fused.map(({ id }) => id)).toContain(2);
  });

  it("made by a model that is not here any more is not compared with another's vectors", async () => {
    await server.services.collections!.create("old", "exact", { version: "gone", name: "clip fp32", dimensions: 4 });
    const problem = await refused(`${root}/old/search`, { text: "x" });
    expect(problem).toEqual({ status: 400, message: expect.stringMatching(/\bold\b.*clip fp32.*gone/) });
  });
});

describe("documents", () => {
  it("are added page by page, asked by words, and cited by number, streamed or not", async () => {
    const jpeg = bytesOf("screen-error.jpg");
    const pdf = await makePdf(["Change the filter", { jpeg, text: "error dialog" }, "Warranty terms"], [600, 600]);
    await sent("", { name: "manuals", model: "tiny" });
    const document = urlOf(pdf, "application/pdf");
    const added = await sent<{ data: WireEntry[] }>("/manuals/entries", { entries: [{ document, source: "m.pdf" }] });
    expect(added.data.map(({ page, text }) => [page, text])).toEqual([
      [1, "Change the filter"],
      [2, "error dialog"],
      [3, "Warranty terms"],
    ]);
    const body = {
      model: "tiny",
      messages: [{ role: "user", content: "What does the error dialog show?" }],
      ocellus: { collection: "manuals", pages: 1 },
      max_tokens: 30,
    };
    const answer = (await (await server.post("/v1/chat/completions", body)).json()) as ChatCompletion;
    const { pixels } = await sent<WireEntry>("/manuals/entries/1");
    expect(pixels).toBe(added.data[1]!.pixels);
    const score = expect.any(Number);
    const citation = { number: 1, id: 1, source: "m.pdf", page: 2, pixels, score, cited: false };
    expect(answer.ocellus.citations).toEqual([citation]);
    expect(answer.ocellus.images).toHaveLength(1);
    expect(answer.choices[0]!.message.content).not.toBe("");
    const streamed = await (await server.post("/v1/chat/completions", { ...body, stream: true })).text();
    expect(streamed).toContain('"citations":[{"number":1,"id":1,"source":"m.pdf","page":2');
    const { messages, max_tokens, ...rest } = body;
    const items = { ...rest, input: messages, max_output_tokens: max_tokens };
    const response = (await (await server.post("/v1/responses", items)).json()) as WireResponse;
    expect(response.ocellus!.citations).toEqual([citation]);
    const loose = { ...body, ocellus: { pages: 1 } };
    expect(await refused("/v1/chat/completions", loose)).toEqual({
      status: 400,
      message: expect.stringMatching(/\bcollection\b/),
    });
    const shown = { type: "image_url", image_url: { url: urlOf(jpeg) } };
    const pictured = { ...body, messages: [{ role: "user", content: [shown, { type: "text", text: "What is it?" }] }] };
    const seen = (await (await server.post("/v1/chat/completions", pictured)).json()) as ChatCompletion;
    expect([seen.ocellus.citations![0]!.page, seen.ocellus.images.length]).toEqual([2, 2]);
  });

  it("that cannot be read are the client's fault, and nothing of the request is kept", async () => {
    const good = { image_url: urlOf(bytesOf("dress.jpg")), source: "dress" };
    for (const [document, problem] of [
      ["data:application/pdf;base64,AAAA", /document.*\bPDF\b.*data:/i],
      [urlOf(Buffer.from("%PDF-1.4\nnothing"), "application/pdf"), /bad\.pdf: .*PDF/],
      [undefined, /image_url.*document/],
    ] as const)
      expect(await refused(`${root}/manuals/entries`, { entries: [good, { document, source: "bad.pdf" }] })).toEqual({
        status: 400,
        message: expect.stringMatching(problem),
      });
    expect((await sent<WireCollectionStats>("/manuals")).entries).toBe(3);
  });
});

describe("/v1/ocellus/match", () => {
  const image_url = urlOf(bytesOf("dress.jpg"));
  const match = async (body: object) =>
    (await (await server.post("/v1/ocellus/match", { image_url, ...body })).json()) as WireMatch;

  it("gives a score, a verdict at the threshold and a reason, in both languages", async () => {
    for (const text of ["a red dotted dress", "红色圆点连衣裙"]) {
      const found = await match({ text });
      expect(found).toMatchObject({ model: "tiny", matches: true, by: "answer", threshold: 0.5 });
      expect(found.reason).toMatch(/yes with probability 0\.9\d+, not below the threshold 0\.5; it sees: .*(dress|裙)/);
    }
    const wrong = await match({ text: "a blue plain sandal" });
    expect([wrong.matches, wrong.score < 0.1]).toEqual([false, true]);
    const { score } = await match({ text: "a red dotted dress" });
    expect((await match({ text: "a red dotted dress", threshold: Math.min(1, score + 1e-3) })).matches).toBe(false);
  });

  it("by a CLIP checkpoint gives the cosine", async () => {
    const found = await match({ text: "a dress", model: "clip", threshold: -1 });
    expect(found).toMatchObject({ model: "clip", by: "cosine", threshold: -1, matches: true });
    expect(Math.abs(found.score)).toBeLessThanOrEqual(1);
  });

  it("refuses what is no question", async () => {
    expect(await refused("/v1/ocellus/match", { image_url, text: "" })).toMatchObject({ status: 400 });
    expect(await refused("/v1/ocellus/match", { image_url: "/etc/passwd", text: "x" })).toMatchObject({ status: 400 });
  });
});

describe("collections of a server", () => {
  it("are not there without a folder, and not written where they are only to be searched", async () => {
    for (const [config, problem] of [
      [{}, /keeps no collections/],
      [{ collections: folder, collectionsReadOnly: true }, /only to be searched/],
    ] as const) {
      const other = await startServer({}, config);
      const response = await other.post(root, { name: "x" });
      expect([response.status, ((await response.json()) as ErrorBody).error.message]).toEqual([
        400,
        expect.stringMatching(problem),
      ]);
      await other.close();
    }
  });

  it("need a key where there are keys", async () => {
    const path = join(temporaryFolder(), "keys.json");
    const { secret, key } = createKey("alice");
    writeFileSync(path, keyFileText([key]));
    const other = await startServer({}, { collections: folder }, { keys: await KeyRing.open(path) });
    const status = async (headers: Record<string, string>) => (await fetch(`${other.url}${root}`, { headers })).status;
    expect([await status({}), await status({ authorization: `Bearer ${secret}` })]).toEqual([401, 200]);
    await other.close();
  });

  it("refuse names, entries, numbers and pictures that are none", async () => {
    await sent("", { name: "bare", model: "tiny" });
    for (const [path, body, method, status] of [
      ["/none", undefined, "GET", 404],
      ["/..%2F..%2Fetc", undefined, "GET", 400],
      ["/shop-exact/entries/x", undefined, "DELETE", 404],
      ["/shop-exact/entries/99999/image", undefined, "GET", 404],
      ["/shop-exact/entries/99999", undefined, "GET", 404],
      ["/shop-exact/entries/0/image?pixels=of-another", undefined, "GET", 404],
      ["/shop-exact/duplicates?min_score=2", undefined, "GET", 400],
      ["/shop-exact/search", {}, "POST", 400],
      ["/bare/search", { text: "words" }, "POST", 400],
      ["", { name: "shop-exact" }, "POST", 400],
      ["", { name: "a/b" }, "POST", 400],
      ["/shop-exact/entries", { entries: [{ image_url: "/etc/passwd", source: "x" }] }, "POST", 400],
    ] as const)
      expect((await refused(root + path, body, method)).status, `${method} ${path}`).toBe(status);
    await sent("/old", undefined, "DELETE");
    expect((await refused(`${root}/old`, undefined, "GET")).status).toBe(404);
  });
});
