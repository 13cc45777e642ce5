/** Which files of a folder hold the weights, by the names Hugging Face gives them. */
import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { ioError, OcellusError, shorten } from "../base/index.js";
import { fileInside } from "./inside.js";
import { listFolder } from "./side-files.js";

export type WeightsFormat = "safetensors" | "torch";

export interface WeightFiles {
  /** Absolute, without a slash at its end: it outlives a change of the working directory, and its last part is a name. */
  readonly folder: string;
  readonly format: WeightsFormat;
  /** One weights file, or the index of a sharded checkpoint. */
  readonly single?: string;
  readonly index?: string;
  readonly notes: readonly string[];
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

/** `path` is a checkpoint folder or one weights file. @throws `not_found`, or `invalid_file` when the choice is unclear. */
export async function findWeights(path: string): Promise<WeightFiles> {
  if (await isFile(path)) return singleFile(path);
  const names = (await listFolder(path)).sort();
  const chosen = choose(path, names, "safetensors") ?? choose(path, names, "torch");
  if (!chosen) {
    throw new OcellusError(
      "not_found",
      `${path} holds no weights: expected model.safetensors, its index, one *.safetensors or pytorch_model.bin; found ${shorten(names.slice(0, 12).join(", "), 160) || "nothing"}`,
    );
  }
  if (chosen.single) await fileInside(path, chosen.single);
  const both = chosen.format === "safetensors" && names.some((name) => /^pytorch_model.*\.bin$/.test(name));
  return {
    ...chosen,
    notes: both ? ["safetensors and PyTorch weights are both present; reading the safetensors"] : [],
  };
}

function choose(folder: string, names: readonly string[], format: WeightsFormat): WeightFiles | undefined {
  const base = { folder: resolve(folder), format, notes: [] };
  if (names.includes(indexNames[format])) return { ...base, index: indexNames[format] };
  if (names.includes(usualNames[format])) return { ...base, single: usualNames[format] };
  const candidates = names.filter(
    (name) => patterns[format].test(name) && !/^(training_args|optimizer|scheduler|rng_state)/.test(name),
  );
  if (candidates.length <= 1) return candidates[0] === undefined ? undefined : { ...base, single: candidates[0] };
  throw new OcellusError(
    "invalid_file",
    `${folder} holds several weights files and no index: ${shorten(candidates.slice(0, 8).join(", "), 160)}; name the one to open, or add ${indexNames[format]}`,
    { details: { folder, candidates } },
  );
}

function singleFile(path: string): WeightFiles {
  const name = basename(path);
  const format = patterns.safetensors.test(name) ? "safetensors" : patterns.torch.test(name) ? "torch" : undefined;
  if (!format)
    throw new OcellusError(
      "invalid_file",
      `${path}: expected a folder, or a file ending in .safetensors, .bin, .pt or .pth`,
    );
  return { folder: dirname(resolve(path)), format, single: name, notes: [] };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    throw ioError("open", path, cause);
  }
}
