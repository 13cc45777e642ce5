/** Configs beside good weights: files that fill the memory, and numbers that would. */
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostileCase } from "./cases.js";
import { safetensorsOf } from "./safetensors-cases.js";

function configCase(name: string, config: () => string | Uint8Array, reason: string, size?: number): HostileCase {
  const write = (folder: string) => {
    writeFileSync(join(folder, "model.safetensors"), safetensorsOf({}));
    writeFileSync(join(folder, "config.json"), config());
    if (size !== undefined) truncateSync(join(folder, "config.json"), size);
  };
  return { name: `a config of ${name}`, write, reason };
}

const json = (name: string, config: unknown, reason: string) => configCase(name, () => JSON.stringify(config), reason);

const files: HostileCase[] = [
  configCase("a gigabyte of spaces", () => "{}", "the limit is 4194304", 2 ** 30),
  configCase("a terabyte", () => "{}", "the limit is 4194304", 2 ** 40),
  configCase("lists four million deep", () => "[".repeat(4e6), "nests deeper than 64"),
  configCase("objects a million deep", () => '{"a":'.repeat(8e5), "nests deeper than 64"),
  configCase("two million empty lists", () => `[${"[],".repeat(1.3e6)}[]]`, "there is no model_type"),
  configCase(
    "300,000 keys",
    () => `{${Array.from({ length: 3e5 }, (_, i) => `"${i}":0`).join()}}`,
    "there is no model_type",
  ),
  configCase("a string of 4 MB for a family", () => `{"model_type":"${"x".repeat(4e6)}"}`, "model_type "),
  configCase("an object for a family", () => `{"model_type":{"a":"${"x".repeat(4e6)}"}}`, "model_type "),
  configCase("nothing", () => "", "is not JSON"),
  configCase("half an object", () => '{"model_type":', "is not JSON"),
  configCase("NaN", () => '{"model_type":"qwen3","hidden_size":NaN}', "is not JSON"),
  configCase("Infinity", () => '{"model_type":"qwen3","hidden_size":Infinity}', "is not JSON"),
  configCase("bytes that are not UTF-8", () => Buffer.from('{"model_type":"\xff"}', "latin1"), "model_type "),
  configCase("UTF-16", () => Buffer.from("{}", "utf16le"), "is not JSON"),
  configCase("a list", () => "[]", "there is no model_type"),
  configCase("null", () => "null", "there is no model_type"),
  configCase("a number", () => "1e999", "there is no model_type"),
  json("no family", {}, "there is no model_type"),
  ...["__proto__", "constructor", "toString", "qwen3\u0000", "\u001b[2J\n", "../qwen3"].map((model_type) =>
    json(`the family ${JSON.stringify(model_type)}`, { model_type }, "model_type "),
  ),
  configCase(
    "a family inherited through __proto__",
    () => '{"__proto__":{"model_type":"qwen3"}}',
    "there is no model_type",
  ),
];

const qwen3 = {
  model_type: "qwen3",
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  rms_norm_eps: 1e-6,
};
const wrong = (field: string, ...values: unknown[]) =>
  values.map((value) => json(`${field} ${JSON.stringify(value)?.slice(0, 20)}`, { ...qwen3, [field]: value }, field));

const numbers: HostileCase[] = [
  ...wrong("num_hidden_layers", 1e9, 1e308, -1, 0, 1.5, "36", null, [36], {}),
  ...wrong("hidden_size", 2 ** 31, 2 ** 53, 0, -64),
  ...wrong("vocab_size", 2 ** 40, 0),
  ...wrong("num_attention_heads", 1e9, 0),
  ...wrong("head_dim", 0, 2 ** 30),
  ...wrong("intermediate_size", 1e12),
  ...wrong("max_position_embeddings", 1e15),
  ...wrong("rms_norm_eps", 0, -1, 1e9),
  ...wrong("eos_token_id", new Array(17).fill(1), -1, 2 ** 30, "2"),
  ...wrong("rope_theta", 0, -1, "1e6"),
  ...wrong("rope_scaling", { rope_type: "yarn", factor: 1e9 }),
  ...wrong("hidden_act", "eval(1)"),
  ...wrong("use_sliding_window", true),
  json("every number null", { model_type: "qwen3", vocab_size: null, hidden_size: null }, "vocab_size"),
  json("a vision tower of nothing", { model_type: "qwen3_vl", vision_config: [], text_config: {} }, "vision_config"),
  json(
    "a million layers to tap",
    { model_type: "qwen3_vl", vision_config: { deepstack_visual_indexes: new Array(1e6).fill(-1) } },
    "vision_config",
  ),
];

export const configCases: readonly HostileCase[] = [...files, ...numbers];
