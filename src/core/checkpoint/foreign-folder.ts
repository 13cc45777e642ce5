/**
 * Folders and repositories that are no model of ours, told by the names of their files: what other programs make of a model, or
 * what is added to one. Weights of another format within a file: foreign.ts.
 */
import { readdir } from "node:fs/promises";
import { ioError } from "../base/index.js";

export interface ForeignFolder {
  /** For programs. */
  readonly format: string;
  /** What it is, and what to open instead. */
  readonly description: string;
}

const original = "Ocellus reads the checkpoint that it was made from, in safetensors or PyTorch files";

/** The first that fits decides: a diffusers pipeline may hold ONNX files too. */
const kinds: readonly (readonly [name: RegExp, format: string, description: string])[] = [
  [/^adapter_config\.json$/, "adapter", "an adapter (LoRA), which only changes another model: merge it into that one"],
  [
    /^model_index\.json$/,
    "diffusers",
    "a diffusers pipeline, which makes images; Ocellus answers questions about them",
  ],
  [/\.gguf$/i, "gguf", `a GGUF conversion; ${original}`],
  [/(?:^|\/)openvino_[^/]*\.(?:xml|bin)$/, "openvino", `an OpenVINO export; ${original}`],
  [/^onnx\/|\.onnx(?:_data)?$/, "onnx", `an ONNX export; ${original}`],
  [/\.(?:h5|keras)$/, "keras", `a Keras (TensorFlow) save; ${original}`],
  [/\.msgpack$/, "flax", `a Flax save; ${original}`],
  [/\.(?:tflite|task|litertlm)$/, "tflite", `a TensorFlow Lite model; ${original}`],
  [/\.ml(?:model|package|modelc)\/?$/, "coreml", `a Core ML model; ${original}`],
  [/\.(?:engine|trt)$/, "tensorrt", `a TensorRT engine; ${original}`],
  [/\.nemo$/, "nemo", `a NeMo archive; ${original}`],
];

/** What a trainer, or another program, writes under the same endings as weights. */
const lookalikes = /^(?:training_args|optimizer|scheduler|rng_state|openvino_)/;

export function isLookalike(name: string): boolean {
  return lookalikes.test(name);
}

/** @param names of files, paths in a repository; of folders with a slash behind */
export function foreignFolder(names: readonly string[]): ForeignFolder | undefined {
  const kind = kinds.find(([pattern]) => names.some((name) => pattern.test(name)));
  return kind && { format: kind[1], description: kind[2] };
}

/** As `foreignFolder` takes them. @throws `not_found`, `io`. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  } catch (cause) {
    throw ioError("list", folder, cause);
  }
}
