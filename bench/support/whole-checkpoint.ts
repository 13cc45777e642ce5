/**
 * Random checkpoints with every file that a server of any make looks for: architectures, image processor, generation config,
 * tokenizer. In the shapes of Qwen3-VL, or small in everything but the vocabulary, which is the tokenizer's.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { officialConfigs } from "./official-configs.js";
import { writeTokenizerFiles } from "./random-checkpoint.js";

const script = resolve(import.meta.dirname, "../../scripts/random-checkpoint.ts");

export const wholeNames = ["small", "qwen3_vl-2b", "qwen3_vl-8b"] as const;
export type WholeName = (typeof wholeNames)[number];

/** The folder of the checkpoint in `work`, made on the first run. */
export function prepareCheckpoint(work: string, name: WholeName): string {
  const path = join(work, name);
  if (existsSync(join(path, "video_preprocessor_config.json"))) return path; // copied last
  const source = join(work, `${name}-files`);
  for (const folder of [path, source]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  writeSideFiles(source, wholeConfig(name));
  execFileSync(process.execPath, [...process.execArgv, script, source, path], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return path;
}

/** A published config.json has fields that we take for granted. */
function wholeConfig(name: WholeName) {
  const isSmall = name === "small";
  const { text_config: text, vision_config: vision, ...rest } = officialConfigs[isSmall ? "qwen3_vl-2b" : name];
  const smallText = { hidden_size: 256, intermediate_size: 512, num_hidden_layers: 2, num_attention_heads: 2 };
  const smallVision = { depth: 2, hidden_size: 128, intermediate_size: 256, num_heads: 2, out_hidden_size: 256 };
  return {
    ...rest,
    architectures: ["Qwen3VLForConditionalGeneration"],
    dtype: "bfloat16",
    text_config: {
      ...text,
      ...{ model_type: "qwen3_vl_text", hidden_act: "silu", attention_bias: false, dtype: "bfloat16" },
      ...(isSmall && { ...smallText, num_key_value_heads: 1 }),
    },
    vision_config: {
      ...vision,
      ...{ model_type: "qwen3_vl", patch_size: 16, spatial_merge_size: 2, temporal_patch_size: 2, in_channels: 3 },
      hidden_act: "gelu_pytorch_tanh",
      ...(isSmall && { ...smallVision, deepstack_visual_indexes: [0] }),
    },
  };
}

function writeSideFiles(folder: string, config: object): void {
  const write = (name: string, json: object) => writeFileSync(join(folder, name), `${JSON.stringify(json, null, 2)}\n`);
  const processor = {
    ...{
      patch_size: 16,
      merge_size: 2,
      temporal_patch_size: 2,
      image_mean: [0.5, 0.5, 0.5],
      image_std: [0.5, 0.5, 0.5],
    },
    size: { shortest_edge: 256 * 256, longest_edge: 1024 * 1024 }, // the largest that is asked about
    processor_class: "Qwen3VLProcessor",
  };
  write("config.json", config);
  write("preprocessor_config.json", { ...processor, image_processor_type: "Qwen2VLImageProcessorFast" });
  write("video_preprocessor_config.json", { ...processor, video_processor_type: "Qwen3VLVideoProcessor" });
  write("generation_config.json", { eos_token_id: 151_645, pad_token_id: 151_643, do_sample: false });
  writeTokenizerFiles(folder);
}
