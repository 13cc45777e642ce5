/**
 * Which files of a folder hold the weights, by the names Hugging Face gives them and in the order of the reference: one
 * whole file before an index of shards, safetensors before PyTorch. [transformers modeling_utils.py]
 */
import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { ioError, OcellusError, shorten } from "../base/index.js";
import { fileInside, listFolder } from "../fs/index.js";
import { foreignFolder, isLookalike, namesIn } from "./foreign-folder.js";

export type WeightsFormat = "safetensors" | "torch";

export interface WeightFiles {
  /** Absolute, without a slash at its end: it outlives a change of the working directory, and its last part is a name. */
  readonly folder: string;
  readonly format: WeightsFormat;
  /** One weights file, or the index of a sharded checkpoint. */
  readonly single?: string;
  readonly index?: string;
  /** All weights files and indexes of the folder, read or not. */
  readonly all: readonly string[];
}

const patterns: Readonly<Record<WeightsFormat, RegExp>> = { safetensors: /\.safetensors$/, torch: /\.(bin|pt|pth)$/ };
const indexNames: Readonly<Record<WeightsFormat, string>> = {
  safetensors: "model.safetensors.index.json",
  torch: "pytorch_model.bin.index.json",
};
const usualNames: Readonly<Record<WeightsFormat, string>> = {
  safetensors: "model.safetensors",
  torch: "pytorch_model.bin",
};

/** `path` is a checkpoint folder or one weights file. @throws `not_found`, `unsupported` for a folder of another program, `invalid_file` when the choice is unclear. */
export async function findWeights(path: string): Promise<WeightFiles> {
  if (await isFile(path)) return singleFile(path);
  const names = (await listFolder(path)).sort();
  const chosen = choose(path, names, "safetensors") ?? choose(path, names, "torch");
  if (!chosen) throw noWeights(path, await namesIn(path));
  if (chosen.single) await fileInside(path, chosen.single);
  return chosen;
}

function noWeights(path: string, names: readonly string[]): OcellusError {
  const found = names.slice(0, 12);
  const foreign = foreignFolder(names);
  if (foreign)
    return new OcellusError("unsupported", `${path} is ${foreign.description}`, {
      details: { path, format: foreign.format, found },
    });
  return new OcellusError(
    "not_found",
    `${path} holds no weights: expected model.safetensors, its index, one *.safetensors or pytorch_model.bin; found ${shorten(found.join(", "), 160) || "nothing"}`,
    { details: { path, found } },
  );
}

function choose(folder: string, names: readonly string[], format: WeightsFormat): WeightFiles | undefined {
  const all = names.filter(isWeights);
  const base = { folder: resolve(folder), format, all };
  if (names.includes(usualNames[format])) return { ...base, single: usualNames[format] };
  if (names.includes(indexNames[format])) return { ...base, index: indexNames[format] };
  const candidates = all.filter((name) => patterns[format].test(name));
  if (candidates.length <= 1) return candidates[0] === undefined ? undefined : { ...base, single: candidates[0] };
  throw new OcellusError(
    "invalid_file",
    `${folder} holds several weights files and no index: ${shorten(candidates.slice(0, 8).join(", "), 160)}; name the one to open, or add ${indexNames[format]}`,
    { details: { folder, candidates } },
  );
}

function isWeights(name: string): boolean {
  if (Object.values(indexNames).includes(name)) return true;
  return Object.values(patterns).some((pattern) => pattern.test(name)) && !isLookalike(name);
}

function singleFile(path: string): WeightFiles {
  const name = basename(path);
  const format = patterns.safetensors.test(name) ? "safetensors" : patterns.torch.test(name) ? "torch" : undefined;
  if (!format)
    throw new OcellusError(
      "invalid_file",
      `${path}: expected a folder, or a file ending in .safetensors, .bin, .pt or .pth`,
    );
  return { folder: dirname(resolve(path)), format, single: name, all: [] };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    throw ioError("open", path, cause);
  }
}
