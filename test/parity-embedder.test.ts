/**
 * `loadEmbedder` and `loadReranker` against transformers in fp32, by test/golden/qwen3_vl_embedding/make_golden.py: ids, vectors and
 * scores of texts, images and both; and the commands and the route that take such a checkpoint.
 */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openEmbedder } from "../src/cli/commands/models/open-embedder.js";
import { main } from "../src/cli/main.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { type EmbedderModel, loadEmbedder, loadModel, loadReranker } from "../src/core/runtime/index.js";
import { expectClose, relativeError } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { startServer } from "./support/server.js";

interface Input {
  readonly text?: string;
  readonly image?: readonly [width: number, height: number];
  readonly instruction?: string;
}
interface Golden {
  readonly embedded: readonly (Input & { readonly ids: number[]; readonly vector: number[] })[];
  readonly ranked: readonly { query: Input; documents: Input[]; instruction?: string; scores: number[] }[];
}

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("OCELLUS_DATA", temporaryFolder());
const folder = join(repository, "test/golden/qwen3_vl_embedding");
const checkpoint = join(folder, "checkpoint");
const golden: Golden = JSON.parse(readFileSync(join(folder, "vectors.json"), "utf8"));
/** Twice the largest relative error measured; most of it is of pixels, which torchvision normalises in another order. */
const tolerance = 1e-4;
const exact = { weights: "fp32", threads: 1 } as const;

/** As make_golden.py draws it. */
function drawn([width, height]: readonly [number, number]) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return [x * 5 + y, y * 7, x * y][i % 3]!;
  });
  return { width, height, data };
}
const given = ({ text, image, instruction }: Input) => ({
  ...(text !== undefined && { text }),
  ...(image && { image: drawn(image) }),
  ...(instruction !== undefined && { instruction }),
});

describe("an embedder", () => {
  let model: EmbedderModel;
  beforeAll(async () => {
    model = await loadEmbedder(checkpoint, exact);
  });
  afterAll(() => model?.close());

  it.each(golden.embedded.map((it, n) => [n, it] as const))(
    "gives the reference's vector of input %i",
    async (_, it) => {
      const { direction, numTokens } = await model.embed(given(it));
      expect(numTokens).toBe(it.ids.length);
      expectClose(direction, Float32Array.from(it.vector), tolerance, "vector");
    },
  );

  it("gives each input of several the vector it has alone", async () => {
    const inputs = golden.embedded.map(given);
    const together = await model.embedAll(inputs);
    const beside = await Promise.all(inputs.toReversed().map((input) => model.embed(input)));
    expect(beside.toReversed()).toEqual(together);
    const text = golden.embedded.findIndex(({ image, instruction }) => !image && !instruction);
    expect(await model.embedText(golden.embedded[text]!.text!)).toEqual(together[text]!.direction);
  });

  it("gives the same vectors on graph threads, and to several at once", async () => {
    const inputs = golden.embedded.map(given);
    const threaded = await loadEmbedder(checkpoint, { ...exact, graphThreads: true });
    const beside = await Promise.all(inputs.map((input) => threaded.embed(input)));
    expect(beside).toEqual(await model.embedAll(inputs));
    expect(threaded.vectorVersion).toBe(model.vectorVersion);
    await threaded.close();
  });

  it("reads prompts by a copy in 8 bits where asked to, and says so in the version of its vectors", async () => {
    const copied = await loadEmbedder(checkpoint, { ...exact, prefillWeights: "int8" });
    const { direction } = await copied.embed(given(golden.embedded[0]!));
    const difference = relativeError(direction, Float32Array.from(golden.embedded[0]!.vector));
    expect(difference).toBeGreaterThan(tolerance);
    expect(difference).toBeLessThan(0.5);
    expect(copied.vectorVersion).not.toBe(model.vectorVersion);
    await copied.close();
    const opened = await openEmbedder(checkpoint, { ...exact, prefillWeights: "int8" });
    expect("vectorVersion" in opened && opened.vectorVersion).toBe(copied.vectorVersion);
    await opened.close();
  });

  it("is far from the reference where a token earlier is pooled, or the instruction is another", async () => {
    const [first] = golden.embedded;
    const reference = Float32Array.from(first!.vector);
    const other = await model.embed({ text: first!.text!, instruction: "Find it." });
    expect(relativeError(other.direction, reference)).toBeGreaterThan(100 * tolerance);
    const chat = await loadModel(checkpoint, exact);
    const system = { role: "system", content: "Represent the user's input." } as const;
    const { promptIds } = await chat.prepare([system, { role: "user", content: first!.text! }]);
    await chat.close();
    expect([...promptIds]).toEqual(first!.ids.slice(0, -1)); // the tokenizer's own end is behind the template's
  });

  it("refuses what has no vector, and what is no such model", async () => {
    await expect(model.embed({ text: "" })).rejects.toThrow(ocellusError("invalid_request", { field: "input" }));
    await expect(model.embed({ text: "a red dress ".repeat(1000) })).rejects.toThrow(ocellusError("too_large"));
    const whole = join(repository, "test/golden/whole/qwen2_vl");
    const refused = ocellusError("unsupported", { found: "qwen2_vl" });
    await expect(loadEmbedder(whole, exact)).rejects.toThrow(refused);
    await expect(loadReranker(whole, exact)).rejects.toThrow(refused);
  });
});

describe("a reranker", () => {
  it("gives the reference's scores, and the documents by them", async () => {
    const model = await loadReranker(checkpoint, exact);
    for (const { query, documents, instruction, scores } of golden.ranked) {
      const options = instruction === undefined ? {} : { instruction };
      const found = await model.score(given(query), documents.map(given), options);
      for (const [i, score] of scores.entries()) expect(found[i]).toBeCloseTo(score, 4);
      const ranked = await model.rank(given(query), documents.map(given), options);
      expect(ranked.map(({ index }) => found[index])).toEqual(found.toSorted((a, b) => b - a));
    }
    const none = ocellusError("invalid_request", { field: "documents" });
    await expect(model.score({ text: "a" }, [])).rejects.toThrow(none);
    await model.close();
  });
});

describe("commands and routes", () => {
  async function ocellus(...argv: string[]): Promise<any> {
    const write = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        write[name] += text;
        return true;
      });
    const code = await main([...argv, "--json", "--model", checkpoint, "--weights", "fp32"]);
    vi.restoreAllMocks();
    expect([code, write.stderr]).toEqual([0, ""]);
    return JSON.parse(write.stdout);
  }

  it("match by its cosine, and index and search by its vectors, words too", async () => {
    const shop = temporaryFolder();
    for (const name of ["dress.jpg", "boots.jpg"])
      copyFileSync(join(repository, "examples/pictures", name), join(shop, name));
    expect(await ocellus("match", join(shop, "dress.jpg"), "a red dress")).toMatchObject({
      by: "cosine",
      threshold: 0.25,
    });
    expect(await ocellus("index", "add", "shop", shop)).toMatchObject({ added: 2 });
    const { hits } = await ocellus("index", "search", "shop", "--text", "a red dress");
    expect(hits).toHaveLength(2);
    const same = await ocellus("index", "search", "shop", "--image", join(shop, "boots.jpg"));
    expect(same.hits[0]).toMatchObject({ source: join(shop, "boots.jpg") });
    expect(same.hits[0].score).toBeCloseTo(1, 4);
  });

  it("serve its vectors to any OpenAI client", async () => {
    const model = await loadEmbedder(checkpoint, exact);
    const server = await startServer({}, {}, {}, { open: false });
    server.pool.add("vectors", model);
    server.services.models.open();
    const [first] = golden.embedded;
    const response = await server.post("/v1/embeddings", { model: "vectors", input: [first!.text] });
    const { data, usage } = (await response.json()) as any;
    expectClose(Float32Array.from(data[0].embedding), Float32Array.from(first!.vector), tolerance, "vector");
    expect(usage.prompt_tokens).toBe(first!.ids.length);
    await server.close();
    await model.close();
  });

  it("serve vectors of a text and an image together, by parts and by messages", async () => {
    const model = await loadEmbedder(checkpoint, exact);
    const server = await startServer({}, {}, {}, { open: false });
    server.pool.add("vectors", model);
    server.services.models.open();
    for (const each of golden.embedded.filter(({ text, image }) => text !== undefined && image)) {
      const content = [
        { type: "image_url", image_url: { url: await pngUrl(each.image!) } },
        { type: "text", text: each.text },
      ];
      const system = each.instruction === undefined ? [] : [{ role: "system", content: each.instruction }];
      const bodies = [
        { messages: [...system, { role: "user", content }] },
        ...(system.length === 0 ? [{ input: { content } }] : []),
      ];
      for (const body of bodies) {
        const { data, usage } = (await (await server.post("/v1/embeddings", body)).json()) as any;
        expectClose(Float32Array.from(data[0].embedding), Float32Array.from(each.vector), tolerance, "vector");
        expect(usage.prompt_tokens).toBe(each.ids.length);
      }
    }
    const both = { input: "a", messages: [{ role: "user", content: "a" }] };
    expect((await server.post("/v1/embeddings", both)).status).toBe(400);
    await server.close();
    await model.close();
  });

  it("serve its scores as rerankers do, best first", async () => {
    const model = await loadReranker(checkpoint, exact);
    const server = await startServer({}, {}, {}, { open: false });
    server.pool.add("judge", model);
    server.services.models.open();
    const sideOf = async ({ text, image }: Input) => ({
      ...(text !== undefined && { text }),
      ...(image && { image: await pngUrl(image) }),
    });
    const isNamed = ({ text, image }: Input) => text !== undefined || image !== undefined; // a client says what it asks about
    for (const { query, documents: all, instruction, scores: known } of golden.ranked) {
      const documents = all.filter(isNamed);
      const scores = known.filter((_, i) => isNamed(all[i]!));
      const body = {
        ...{ query: await sideOf(query), documents: await Promise.all(documents.map(sideOf)), top_n: 2 },
        ...(instruction !== undefined && { instruction }),
      };
      const { results, usage, model: name } = (await (await server.post("/v1/rerank", body)).json()) as any;
      const best = scores
        .map((score, index) => ({ score, index }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 2);
      expect(results.map(({ index }: any) => index)).toEqual(best.map(({ index }) => index));
      for (const [i, { score, index }] of best.entries()) {
        expect(results[i].relevance_score).toBeCloseTo(score, 4);
        expect(results[i].document?.text).toBe(documents[index]!.text);
      }
      expect([name, usage.total_tokens > 0]).toEqual(["judge", true]);
    }
    const chat = await server.post("/v1/chat/completions", { messages: [{ role: "user", content: "a" }] });
    expect(chat.status).toBe(400);
    await server.close();
    await model.close();
  });
});

/** The same picture in a file that keeps every pixel. */
async function pngUrl(size: readonly [number, number]): Promise<string> {
  const { width, height, data } = drawn(size);
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
