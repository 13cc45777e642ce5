/**
 * A vocabulary that is padded past the tokenizer's, as Qwen3.5's to 248,320: ids that name no token are never chosen where an
 * answer is constrained, however likely the weights make them.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openCheckpoint, writeSafetensors } from "../src/core/checkpoint/index.js";
import { type ChatMessage, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const numPadded = 96;
const table = "model.language_model.embed_tokens.weight";
const messages: ChatMessage[] = [{ role: "user", content: ["Describe the picture"] }];
const schema = {
  type: "object",
  properties: { class: { enum: ["dress", "shirt"] }, count: { type: "integer", minimum: 0, maximum: 9 } },
  required: ["class", "count"],
  additionalProperties: false,
};

/** The whole qwen3_5, its table longer by rows eight times as large as the others, which so are likely tokens. */
async function padVocabulary(folder: string): Promise<number> {
  cpSync(join(repository, "test/golden/whole/qwen3_5"), folder, { recursive: true });
  const checkpoint = await openCheckpoint(folder);
  const tensors = await Promise.all([...checkpoint.names()].map((name) => checkpoint.read(name)));
  await checkpoint.close();
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const vocabSize: number = config.text_config.vocab_size;
  config.text_config.vocab_size += numPadded;
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const padded = tensors.map((tensor) => {
    if (tensor.name !== table) return tensor;
    const [rows, columns] = tensor.shape as [number, number];
    const bytes = new Uint8Array((rows + numPadded) * columns * 2);
    bytes.set(tensor.bytes);
    bytes.set(louder(tensor.bytes.subarray(0, numPadded * columns * 2)), tensor.bytes.length);
    return { ...tensor, shape: [rows + numPadded, columns], bytes };
  });
  await writeSafetensors(join(folder, "model.safetensors"), padded);
  return vocabSize;
}

/** bfloat16 times eight: three more in the exponent. */
function louder(bytes: Uint8Array): Uint8Array {
  const values = new Uint16Array(bytes.slice().buffer);
  return new Uint8Array(values.map((value) => ((value & 0x7f80) === 0 ? value : value + (3 << 7))).buffer);
}

let model: VisionLanguageModel;
let vocabSize: number;
beforeAll(async () => {
  const folder = join(temporaryFolder(), "padded");
  vocabSize = await padVocabulary(folder);
  model = await loadModel(folder, { weights: "fp32", threads: 1 });
});
afterAll(() => model?.close());

const answer = async (options: object) => {
  const { tokens, text } = await model.answer(messages, { maxTokens: 64, ...options });
  return { ids: tokens.map(({ tokenId }) => tokenId), text };
};

it("can be chosen where the answer is free, and is no text", async () => {
  const { ids, text } = await answer({ sampling: { temperature: 1, seed: 1 } });
  const named = ids.filter((id) => id < vocabSize);
  expect(ids.length - named.length).toBeGreaterThan(8);
  expect(text).toBe(model.tokenizer.decode(named));
});

it.each([0, 1, 2, 3, 4, 5])("is never chosen under a JSON schema, temperature 2, seed %i", async (seed) => {
  const responseFormat = { type: "json_schema", schema } as const;
  const { ids, text } = await answer({ responseFormat, sampling: { temperature: 2, seed } });
  expect(ids.filter((id) => id >= vocabSize)).toEqual([]);
  const validate = new Ajv2020().compile(schema);
  expect(validate(JSON.parse(text)) || text).toBe(true);
});

it("is never chosen in a JSON object of any form, greedily, nor where a bias asks for it", async () => {
  const responseFormat = { type: "json_object" } as const;
  const logit_bias = { [vocabSize]: 100, [vocabSize + numPadded - 1]: 100 };
  const { ids } = await answer({ responseFormat, sampling: { temperature: 0, logit_bias } });
  expect(ids.filter((id) => id >= vocabSize)).toEqual([]);
});
