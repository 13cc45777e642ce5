/** Prompts read by a second copy of the decoder's weights, in 8 bits (docs/decisions/0013-w8a8.md). */
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type OfficialName, officialConfigs } from "../bench/support/official-configs.js";
import { tensorsOf } from "../bench/support/random-checkpoint.js";
import { GraphThread, machineMemory } from "../src/core/backend/index.js";
import { pack } from "../src/core/pack/index.js";
import { image, type LoadOptions, loadModel, packingPlan } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const bundled = join(repository, "checkpoints/ocellus-tiny");
const images = ["bag-red.jpg", "coat.jpg", "shirt.png", "screen-error.jpg"];
const questions = ["What does this cost?", "这是什么？"];

/** Ids and log-probabilities. */
type Answer = [number, number][];

/** About all pictures. */
async function answers(options: LoadOptions, path = bundled): Promise<Answer[]> {
  const model = await loadModel(path, { threads: 1, ...options });
  try {
    const found: Answer[] = [];
    for (const name of images) {
      for (const question of questions) {
        const content = [image(join(repository, "examples/pictures", name)), question];
        const sampling = { temperature: 0, logprobs: true };
        const { tokens } = await model.answer([{ role: "user", content }], { maxTokens: 8, sampling });
        found.push(tokens.map(({ tokenId, logprob }) => [tokenId, logprob!]));
      }
    }
    return found;
  } finally {
    await model.close();
  }
}

/** Mean difference of the first tokens' log-probabilities, of those that are the same. */
function distance(found: readonly Answer[], expected: readonly Answer[]): number {
  const differences = found.flatMap((answer, i) => {
    const [[id, logprob], [expectedId, expectedLogprob]] = [answer[0]!, expected[i]![0]!];
    return id === expectedId ? [Math.abs(logprob - expectedLogprob)] : [];
  });
  expect(differences.length).toBe(expected.length);
  return differences.reduce((sum, each) => sum + each, 0) / differences.length;
}

describe("8-bit weights for prompts", () => {
  let own: Answer[];
  let copies: Answer[];
  beforeAll(async () => {
    own = await answers({ weights: "int4", visionWeights: "fp16", prefillWeights: "same" });
    copies = await answers({ weights: "int4", visionWeights: "fp16", prefillWeights: "int8" });
  });

  it("read a prompt nearer to how float32 reads it than int8 in blocks does", async () => {
    const exact = await answers({ weights: "fp32", prefillWeights: "same" });
    const blocks = distance(await answers({ weights: "int8", prefillWeights: "same" }), exact);
    const found = distance(await answers({ weights: "fp32", prefillWeights: "int8" }), exact);
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan(blocks);
  });

  it("answer alike on a thread of their own, to the last bit", async () => {
    const options = { weights: "int4", visionWeights: "fp16", prefillWeights: "int8", graphThreads: true } as const;
    expect(await answers(options)).toEqual(copies);
  });

  it("leave prompts to the weights that answer where they cannot be opened, which the notes say", async () => {
    const options = { weights: "int4", visionWeights: "fp16", prefillWeights: "int8", graphThreads: true } as const;
    const { open } = GraphThread;
    const broken = vi
      .spyOn(GraphThread, "open")
      .mockImplementation((model, session, prefill) => open(model, session, prefill && new Uint8Array([1, 2, 3])));
    const model = await loadModel(bundled, { threads: 1, ...options });
    const before = model.info.notes.length;
    const { text } = await model.answer([{ role: "user", content: "What is it?" }], { maxTokens: 4 });
    expect(text.length).toBeGreaterThan(0);
    expect(model.info.notes.length).toBe(before + 1);
    await model.close();
    expect(await answers(options)).toEqual(own);
    broken.mockRestore();
  });

  it("are left closed where they are not wanted, and said to be missing where they are wanted and not there", async () => {
    const choice = { weights: "int4", visionWeights: "fp16" } as const;
    const [both, one] = await Promise.all(
      (["int8", "same"] as const).map(async (prefillWeights) => {
        const into = join(temporaryFolder(), prefillWeights);
        return (await pack(bundled, { plan: await packingPlan(bundled, { ...choice, prefillWeights }), into })).path;
      }),
    );
    expect(await answers({ prefillWeights: "same" }, both)).toEqual(own);
    expect(await answers({}, both)).toEqual(copies);
    expect(await answers({}, one)).toEqual(own);
    const model = await loadModel(one!, { prefillWeights: "int8", threads: 1 });
    expect(model.info.notes.length).toBe((await notesOf(one!)).length + 1);
    await model.close();
  });

  it("are made by default for large models, where half of the memory holds them", async () => {
    const folder = await sparseCheckpoint("qwen3_vl-2b");
    const plan = await packingPlan(folder, { device: "cpu" });
    expect(plan.prefillWeights).toBe(machineMemory().totalBytes / 2 >= 3.5e9 ? "int8" : "same");
    expect((await packingPlan(folder, { device: "cpu", weights: "fp16" })).prefillWeights).toBe("same");
    expect((await packingPlan(bundled, { device: "cpu" })).prefillWeights).toBe("same");
  });
});

async function notesOf(path: string) {
  const model = await loadModel(path, { threads: 1 });
  await model.close();
  return model.info.notes;
}

/** A checkpoint of that size whose weights are a hole in a file: only its headers are read. */
async function sparseCheckpoint(name: OfficialName): Promise<string> {
  const folder = temporaryFolder();
  const config = officialConfigs[name];
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  let end = 0;
  const entries = tensorsOf(config).map(({ name: tensor, shape }) => {
    const start = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    return [tensor, { dtype: "BF16", shape, data_offsets: [start, end] }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, "model.safetensors");
  writeFileSync(path, Buffer.concat([length, header]));
  truncateSync(path, 8 + header.length + end);
  return folder;
}
