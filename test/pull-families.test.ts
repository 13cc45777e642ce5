/**
 * From a repository to an answer, for every whole checkpoint in every layout of files that hubs have: pull from the stand-in,
 * inspect, ask. Layouts are those of transformers 5 (as saved) and of 4: shards with an index, the processor's parts in files of
 * their own, the chat template within tokenizer_config.json, further files of the tokenizer.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openCheckpoint, writeSafetensors } from "../src/core/checkpoint/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { elementCount, type Tensor } from "../src/core/tensor/index.js";
import { pull } from "../src/hub/index.js";
import { type Substitute, startStandIn } from "../src/hub/stand-in.testkit.js";
import { describeCheckpoint, estimateMemory } from "../src/inspect/index.js";
import { temporaryFolder } from "./support/folders.js";
import { goldenChats, messagesOf, sureTokens, wholeFamilies, wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
vi.stubEnv("HF_HUB_OFFLINE", "");

type Files = Record<string, Buffer>;

function asSaved(family: string): Files {
  const names = readdirSync(wholeFolder(family)).filter((name) => name !== "answers.json");
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(wholeFolder(family), name))]));
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Tensors dealt out to two files, as savers fill them: in order. */
async function shards(family: string): Promise<Files> {
  const source = await openCheckpoint(wholeFolder(family));
  const tensors: Tensor[] = [];
  for (const name of source.names()) tensors.push(await source.read(name));
  await source.close();
  const half = Math.ceil(tensors.length / 2);
  const parts = [tensors.slice(0, half), tensors.slice(half)];
  const files: Files = {};
  const map: Record<string, string> = {};
  for (const [i, part] of parts.entries()) {
    const path = join(temporaryFolder(), `model-0000${i + 1}-of-00002.safetensors`);
    await writeSafetensors(path, part);
    files[basename(path)] = readFileSync(path);
    for (const { name } of part) map[name] = basename(path);
  }
  return { ...files, "model.safetensors.index.json": json({ metadata: {}, weight_map: map }) };
}

async function olderLayout(family: string): Promise<Files> {
  const saved = asSaved(family);
  const replaced = /^(processor_config\.json|chat_template\.jinja|model\.safetensors|pytorch_model\.bin)$/;
  const others = Object.fromEntries(Object.entries(saved).filter(([name]) => !replaced.test(name)));
  const parsed = (name: string) => (saved[name] ? JSON.parse(saved[name].toString()) : {});
  const { image_processor, video_processor } = parsed("processor_config.json");
  const { model, added_tokens } = parsed("tokenizer.json");
  const template = saved["chat_template.jinja"]!.toString();
  const added = added_tokens.map(({ content, id }: { content: string; id: number }) => [content, id]);
  return {
    ...others,
    ...(await shards(family)),
    "tokenizer_config.json": json({ ...parsed("tokenizer_config.json"), chat_template: template }),
    "added_tokens.json": json(Object.fromEntries(added)),
    "special_tokens_map.json": json({ eos_token: parsed("tokenizer_config.json").eos_token }),
    "vocab.json": json(model.vocab),
    "merges.txt": Buffer.from(`#version: 0.2\n${model.merges.map((m: string[]) => m.join(" ")).join("\n")}`),
    ...(image_processor && { "preprocessor_config.json": json(image_processor) }),
    ...(video_processor && { "video_preprocessor_config.json": json(video_processor) }),
    "README.md": Buffer.from("# page"),
    ".gitattributes": Buffer.from("*.safetensors filter=lfs"),
  };
}

const layouts = { "as saved": async (family: string) => asSaved(family), "of transformers 4": olderLayout };
const cases = wholeFamilies.flatMap((family) => Object.keys(layouts).map((layout) => [family, layout] as const));

describe.each(cases)("%s, %s", (family, layout) => {
  const repo = `makers/${family}-${layout === "as saved" ? "new" : "old"}`;
  let standIn: Substitute;
  let folder: string;
  beforeAll(async () => {
    standIn = await startStandIn(repo, await layouts[layout as keyof typeof layouts](family));
    ({ folder } = await pull(repo, { hub: { endpoint: standIn.endpoint, retryDelayMs: 1 } }));
  });
  afterAll(() => standIn?.close());

  it("is pulled, inspected and answers as the reference does", async () => {
    const description = await describeCheckpoint(folder);
    expect(description.config).toEqual({ state: "known", modelType: family });
    const counted = description.tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    expect(description.numParameters).toBe(counted);
    expect(description.parts.reduce((sum, { numParameters }) => sum + numParameters, 0)).toBe(counted);
    expect(description.fit).toMatchObject({ missing: [], misshapen: [], twice: [] });
    const memory = await estimateMemory(folder);
    const chat = goldenChats(family)[0]!;
    expect(memory.decoder).toBeDefined();
    expect(memory.vision !== undefined).toBe(chat.sizes.length > 0);
    const model = await loadModel(folder, { weights: "fp32", threads: 1 });
    try {
      const { promptIds } = await model.prepare(messagesOf(chat));
      expect([...promptIds]).toEqual(chat.promptIds);
      const sure = sureTokens(chat);
      const options = { maxTokens: sure.length, sampling: { temperature: 0 } };
      const { tokens } = await model.answer(messagesOf(chat), options);
      expect(tokens.map(({ tokenId }) => tokenId)).toEqual(sure.slice(0, tokens.length));
      expect(tokens.length).toBeGreaterThan(0);
    } finally {
      await model.close();
    }
  });
});
