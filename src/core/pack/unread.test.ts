/** Tensors that nothing reads: harmless ones are named, those that take part in the reference's sums are refused. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCheckpoint, writeSafetensors } from "../checkpoint/index.js";
import { float32Tensor } from "../tensor/index.js";
import { readModel } from "./read-model.js";

const golden = join(import.meta.dirname, "../../../test/golden");
const root = mkdtempSync(join(tmpdir(), "ocellus-unread-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** The notes of a golden checkpoint with further tensors of four equal values, files and config fields. */
async function notesOf(
  name: string,
  extra: Readonly<Record<string, number>>,
  { files = [], config = {} }: { files?: readonly string[]; config?: object } = {},
): Promise<readonly string[]> {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  const source = await openCheckpoint(join(golden, name, "model.safetensors"));
  const json = (await source.readJson("config.json")) as object;
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...json, ...config }));
  const own = await Promise.all([...source.names()].map((tensor) => source.read(tensor)));
  await source.close();
  const added = Object.entries(extra).map(([tensor, value]) => {
    const size = own.find((other) => other.name === tensor.replace(/bias$/, "weight"))?.shape[0] ?? 4;
    return float32Tensor(tensor, [size], new Float32Array(size).fill(value));
  });
  await writeSafetensors(join(folder, "model.safetensors"), [...own, ...added]);
  for (const file of files) copyFileSync(join(folder, "config.json"), join(folder, file));
  const checkpoint = await openCheckpoint(folder);
  try {
    return (await readModel(checkpoint)).notes;
  } finally {
    await checkpoint.close();
  }
}

describe("a tensor that no graph reads", () => {
  it.each([
    ["qwen3/tied-gqa", "model.layers.0.self_attn.q_proj.bias"],
    ["qwen3/tied-gqa", "model.norm.bias"],
    ["qwen3/tied-gqa", "lm_head.bias"],
    ["qwen3/untied-mha", "language_model.lm_head.bias"],
    ["qwen3/tied-gqa", "model.layers.1.self_attn.q_proj.lora_A.default.weight"],
    ["qwen3/tied-gqa", "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"],
    ["qwen3/tied-gqa", "model.layers.1.mlp.up_proj.weight_scale_inv"],
    ["qwen3_vl/wide-grid", "model.language_model.layers.0.self_attn.v_proj.bias"],
    ["qwen3_vl/wide-grid", "visual.blocks.0.attn.lora_magnitude_vector.qkv"],
    ["qwen3_vl_resampler/gqa-tied", "perceiver_resampler.layers.0.cross_attn.to_q.bias"],
    ["qwen3_5/tied-one-image", "model.language_model.layers.0.linear_attn.in_proj_qkv.bias"],
    ["vit/no-bias", "vit.encoder.layer.0.attention.attention.query.bias"],
    ["clip/gelu", "visual_projection.bias"],
  ])("of %s, %s, is refused, for it takes part", async (name, tensor) => {
    await expect(notesOf(name, { [tensor]: 0.5 })).rejects.toMatchObject({ code: "unsupported", details: {} });
  });

  it.each([
    ["qwen3/tied-gqa", "lm_head.weight"],
    ["qwen3/tied-gqa", "model.rotary_emb.inv_freq"],
    ["clip/gelu", "text_model.embeddings.position_ids"],
    ["qwen3_5_text/tied-interval", "mtp.layers.0.mlp.up_proj.weight"],
    ["qwen3_5_text/tied-interval", "model.visual.blocks.0.attn.qkv.bias"],
    ["qwen3_5/tied-one-image", "mtp.layers.0.mlp.up_proj.weight"],
    ["qwen3_vl_resampler/gqa-tied", "language_model.embed_positions.weight"],
  ])("of %s, %s, is expected", async (name, tensor) => {
    expect(await notesOf(name, { [tensor]: 0.5 })).toEqual([]);
  });

  it("that is a bias of zeros changes nothing", async () => {
    expect(await notesOf("qwen3/tied-gqa", { "model.layers.0.self_attn.q_proj.bias": 0 })).toEqual([]);
  });

  it.each([
    ["qwen3/tied-gqa", "model.mtp.weight"],
    ["vit/gelu", "vit.pooler.dense.bias"],
    ["vit/gelu", "vit.embeddings.mask_token"],
  ])("of %s, %s, is named otherwise", async (name, tensor) => {
    const [note, ...more] = await notesOf(name, { [tensor]: 0.5 });
    expect(note).toContain(tensor);
    expect(more).toEqual([]);
  });
});

describe("what else a checkpoint says and is not used", () => {
  it("is named: fields of its config, weights that are left over", async () => {
    const files = ["old.safetensors"];
    const notes = await notesOf("qwen3/tied-gqa", {}, { files, config: { logit_softcapping: 30 } });
    expect(notes).toHaveLength(2);
    expect(notes.join()).toMatch(/old\.safetensors.*logit_softcapping/);
  });

  it("is refused when it is an adapter, which the reference adds to the weights", async () => {
    const files = ["adapter_model.safetensors", "adapter_config.json"];
    const refused = { code: "unsupported", details: { file: "adapter_model.safetensors" } };
    await expect(notesOf("qwen3/tied-gqa", {}, { files })).rejects.toMatchObject(refused);
  });
});
