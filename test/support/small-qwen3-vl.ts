/** Random qwen3_vl and qwen3_5 checkpoints with a small vocabulary, for the public door, and pictures of noise for them. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack, parsePlan } from "../../src/core/pack/index.js";
import { repository } from "./folders.js";

const chatTemplate =
  "{% for m in messages %}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}" +
  "{% else %}<|vision_start|><|{{ p.type }}_pad|><|vision_end|>{% endif %}{% endfor %}{% endfor %}";

/** The first 300 tokens of the tokenizer room's fixture, and the marks where the checkpoint's config has them. */
function smallTokenizer(thinks: boolean) {
  const path = join(repository, "src/core/tokenizer/fixtures/byte-level.json");
  const { tokenizer } = JSON.parse(readFileSync(path, "utf8"));
  const vocab = Object.fromEntries(Object.entries<number>(tokenizer.model.vocab).filter(([, id]) => id < 300));
  const joined = (merge: string | string[]) => (Array.isArray(merge) ? merge : merge.split(" ")).join("");
  const merges = tokenizer.model.merges.filter((merge: string | string[]) => joined(merge) in vocab);
  const marks = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"];
  const thoughts = thinks ? ["<think>", "</think>"] : [];
  const added_tokens = [...marks, ...thoughts].map((content, i) => {
    return { ...tokenizer.added_tokens[0], id: 300 + i, content, special: marks.includes(content) };
  });
  return { ...tokenizer, model: { ...tokenizer.model, vocab, merges }, added_tokens };
}

/** Packs it in `folder`; the path of the packed model. @param size areas in pixels, of images and videos */
export function packSmallQwen3Vl(folder: string, weights?: string, size?: typeof smallSize): Promise<string> {
  return packSmall("qwen3_vl/untied-two-pictures", folder, weights, size);
}

/** @param ending what its chat template writes behind the messages. */
export function packSmallQwen35(folder: string, weights?: string, ending = ""): Promise<string> {
  return packSmall("qwen3_5/untied-two-images", folder, weights, smallSize, ending);
}

/** The whole checkpoint of test/golden/whole, whose images come in slices. */
export async function packSmallMiniCpm(folder: string, weights = "fp32"): Promise<string> {
  const checkpoint = join(repository, "test/golden/whole/minicpmv4_6");
  return (await pack(checkpoint, { plan: parsePlan(weights), into: join(folder, "packed") })).path;
}

const smallSize = { shortest_edge: 4096, longest_edge: 16_384 };

async function packSmall(
  golden: string,
  folder: string,
  weights = "fp32",
  size = smallSize,
  ending = "",
): Promise<string> {
  const checkpoint = join(folder, "checkpoint");
  mkdirSync(checkpoint);
  const files = {
    "tokenizer.json": smallTokenizer(ending.includes("<think>")),
    "tokenizer_config.json": { chat_template: chatTemplate + ending },
    "preprocessor_config.json": { size },
    "video_preprocessor_config.json": { size },
  };
  for (const [name, json] of Object.entries(files)) writeFileSync(join(checkpoint, name), JSON.stringify(json));
  for (const name of ["config.json", "model.safetensors"])
    copyFileSync(join(repository, "test/golden", golden, name), join(checkpoint, name));
  return (await pack(checkpoint, { plan: parsePlan(weights), into: join(folder, "packed") })).path;
}

/** Noise, so that every size of it looks different. */
export function noise(seed: number, width = 120, height = 90) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = Math.imul(i + seed * 7919, 2654435761) >>> 24;
  return { width, height, data };
}
