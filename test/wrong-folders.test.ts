/** Folders that are no checkpoint of ours, as people have them on their disks: each is refused by what it is. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../src/core/base/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { loadModel } from "../src/core/runtime/index.js";
import { chooseFiles } from "../src/hub/choose-files.js";
import { repository, temporaryFolder } from "./support/folders.js";

const root = temporaryFolder();
const whole = join(repository, "test/golden/whole/qwen2_vl");
const wholeConfig = JSON.parse(readFileSync(join(whole, "config.json"), "utf8"));
const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 1234567\n`;

/** A file of the whole checkpoint by `true`, else with that content. */
type Files = Readonly<Record<string, true | string | object>>;
const model: Files = { "config.json": true, "model.safetensors": true, "tokenizer.json": true };

let count = 0;
function folderOf(files: Files): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    if (content === true) copyFileSync(join(whole, name), join(folder, name));
    else writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

const quantised = (config: object) => ({ ...model, "config.json": { ...wholeConfig, ...config } });
const adapter = { "adapter_config.json": { base_model_name_or_path: "a/base" }, "adapter_model.safetensors": "" };

describe("a folder that is", () => {
  it.each<[string, Files, ErrorCode, Readonly<Record<string, unknown>>]>([
    ["GGUF files", { "config.json": true, "x-Q4_K_M.gguf": "GGUF" }, "unsupported", { format: "gguf" }],
    ["an ONNX export", { "config.json": true, "onnx/model.onnx": "" }, "unsupported", { format: "onnx" }],
    ["an ONNX export of one file", { "config.json": true, "model.onnx": "" }, "unsupported", { format: "onnx" }],
    [
      "an OpenVINO export",
      { "config.json": true, "openvino_model.xml": "", "openvino_model.bin": "" },
      "unsupported",
      { format: "openvino" },
    ],
    [
      "a diffusers pipeline",
      { "model_index.json": {}, "unet/model.safetensors": "" },
      "unsupported",
      { format: "diffusers" },
    ],
    ["a Keras save", { "config.json": true, "tf_model.h5": "" }, "unsupported", { format: "keras" }],
    ["a Flax save", { "config.json": true, "flax_model.msgpack": "" }, "unsupported", { format: "flax" }],
    ["a Core ML model", { "x.mlpackage/Manifest.json": {} }, "unsupported", { format: "coreml" }],
    ["nothing", {}, "not_found", { found: [] }],
    ["without its config", { "model.safetensors": true, "tokenizer.json": true }, "not_found", {}],
    [
      "without tokenizer.json",
      { "config.json": true, "model.safetensors": true, "vocab.json": {}, "merges.txt": "" },
      "not_found",
      { found: ["merges.txt", "vocab.json"] },
    ],
    ["a clone without LFS", { ...model, "model.safetensors": lfs }, "invalid_file", { format: "git-lfs" }],
    ["a clone with LFS for weights only", { ...model, "tokenizer.json": lfs }, "invalid_file", { format: "git-lfs" }],
    ["quantised by MLX", quantised({ quantization: { group_size: 64, bits: 4 } }), "unsupported", { found: "mlx" }],
    [
      "quantised by MLX, with its config twice",
      quantised({ quantization_config: { group_size: 64, bits: 4 } }),
      "unsupported",
      { found: "mlx" },
    ],
    ["quantised by HQQ", quantised({ quantization_config: { quant_method: "hqq" } }), "unsupported", { found: "hqq" }],
    ["quantised by ModelOpt", { ...model, "hf_quant_config.json": {} }, "unsupported", { found: "modelopt" }],
    [
      "quantised in its text_config",
      quantised({ text_config: { ...wholeConfig.text_config, quantization_config: { quant_method: "torchao" } } }),
      "unsupported",
      { found: "torchao" },
    ],
    [
      "quantised by GPTQ to 3 bits",
      quantised({ quantization_config: { quant_method: "gptq", bits: 3, group_size: 64 } }),
      "unsupported",
      {},
    ],
  ])("%s", async (_, files, code, details) => {
    await expect(loadModel(folderOf(files))).rejects.toThrow(ocellusError(code, details));
  });

  it("an adapter alone, named with the model that it changes", async () => {
    const folder = folderOf(adapter);
    copyFileSync(join(whole, "model.safetensors"), join(folder, "adapter_model.safetensors"));
    const refused = ocellusError("unsupported", { format: "adapter", base: "a/base" });
    await expect(loadModel(folder)).rejects.toThrow(refused);
    copyFileSync(join(whole, "config.json"), join(folder, "config.json"));
    await expect(loadModel(folder)).rejects.toThrow(refused);
  });
});

describe("a repository of", () => {
  it.each([
    ["gguf", ["config.json", "q4.gguf"]],
    ["onnx", ["config.json", "onnx/model_q4.onnx", "onnx/model_q4.onnx_data"]],
    ["openvino", ["openvino_model.bin", "openvino_model.xml"]],
    ["diffusers", ["model_index.json", "unet/diffusion_pytorch_model.safetensors"]],
    ["keras", ["tf_model.h5"]],
  ])("%s is refused before anything is fetched", (format, names) => {
    const files = names.map((path) => ({ path, sizeBytes: 1, digest: { algorithm: "sha256" as const, hex: "" } }));
    expect(() => chooseFiles("a/b", files as never)).toThrow(ocellusError("unsupported", { format }));
  });
});
