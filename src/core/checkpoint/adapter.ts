/**
 * A LoRA folder of PEFT: what its tensors do to a model's, by the paths of PEFT. A tensor is replaced (modules_to_save, biases),
 * or a product of two narrow matrices is added to it. [peft 0.21 utils/save_and_load.py, tuners/lora/layer.py get_delta_weight]
 */
import { join } from "node:path";
import { OcellusError, shorten } from "../base/index.js";
import { fileDigest, listFolder, readSideJson, textDigest } from "../fs/index.js";
import { elementCount, toFloat32 } from "../tensor/index.js";
import {
  type AdapterConfig,
  type CompilePattern,
  isTarget,
  type MatchesPattern,
  readAdapterConfig,
  scalingOf,
} from "./adapter-config.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";

/** delta[row, column] = scaling · Σ left[row, k] · right[k, column]. */
export interface LowRank {
  readonly rank: number;
  readonly scaling: number;
  /** [rows, rank] */
  readonly left: Float32Array;
  /** [rank, columns] */
  readonly right: Float32Array;
}

export interface AdapterTarget {
  /** Of the tensor, as PEFT spells it: the module's path in the model and `weight` or `bias`. */
  readonly path: string;
  readonly rank?: number;
  readonly scaling?: number;
  /** Of the product, whose columns are all but the first dimension of the weight. */
  readonly rows?: number;
  readonly columns?: number;
  /** The adapter's tensor that stands in the place of the model's. */
  readonly replacement?: string;
  readLowRank?(): Promise<LowRank>;
}

export interface Adapter {
  readonly path: string;
  /** Of its config and of all its bytes. */
  readonly digest: string;
  /** The model that it was trained on, as its config names it. */
  readonly base: string | undefined;
  readonly targets: readonly AdapterTarget[];
  readonly tensors: Checkpoint;
  close(): Promise<void>;
}

const weightsFiles = ["adapter_model.safetensors", "adapter_model.bin"];

/** @throws `not_found`, `invalid_file`, `unsupported` naming a field or a tensor that is not merged here, `io`. */
export async function openAdapter(folder: string, compile: CompilePattern): Promise<Adapter> {
  const names = await listFolder(folder);
  const configPath = join(folder, "adapter_config.json");
  const json = await readSideJson(folder, "adapter_config.json");
  const file = weightsFiles.find((name) => names.includes(name));
  if (json === undefined || file === undefined)
    throw new OcellusError(
      "not_found",
      `${folder} is no LoRA adapter: expected adapter_config.json and adapter_model.safetensors or .bin, found ${shorten(names.join(", "), 160) || "nothing"}`,
      { details: { path: folder, expected: ["adapter_config.json", ...weightsFiles], found: names.slice(0, 12) } },
    );
  const config = readAdapterConfig(json, configPath);
  const tensors = await openCheckpoint(join(folder, file));
  try {
    const digest = textDigest(JSON.stringify([json, await fileDigest(join(folder, file))]));
    const targets = new AdapterReader(tensors, config, compiledOnce(compile)).targets();
    const base = config.base_model_name_or_path ?? undefined;
    return { path: folder, digest, base, targets, tensors, close: () => tensors.close() };
  } catch (error) {
    await tensors.close();
    throw error;
  }
}

/** A config has few patterns, a model many modules. */
function compiledOnce(compile: CompilePattern): MatchesPattern {
  const compiled = new Map<string, ReturnType<CompilePattern>>();
  return (text, pattern) => {
    const matches = compiled.get(pattern) ?? compile(pattern);
    compiled.set(pattern, matches);
    return matches(text);
  };
}

const loraName = /^(?<module>.*)\.lora_(?<embedding>embedding_)?(?<side>[AB])(?:\.weight)?$/;
/** DoRA's magnitudes, biases of products, rows of single tokens. */
const otherName = /(?:^|[._])(?:lora|dora|vera|ia3|oft|hada|token_adapter|trainable_tokens)(?:[._]|$)/i;

class AdapterReader {
  readonly #tensors: Checkpoint;
  readonly #config: AdapterConfig;
  readonly #matches: MatchesPattern;

  constructor(tensors: Checkpoint, config: AdapterConfig, matches: MatchesPattern) {
    this.#tensors = tensors;
    this.#config = config;
    this.#matches = matches;
  }

  targets(): AdapterTarget[] {
    const targets = new Map<string, AdapterTarget>();
    const add = (path: string, part: Partial<AdapterTarget>) =>
      targets.set(path, { ...(targets.get(path) ?? { path }), ...part });
    for (const name of this.#tensors.names()) {
      const bare = name.replace(/^base_model\.model\./, "");
      const { module, embedding, side } = loraName.exec(bare)?.groups ?? {};
      if (module !== undefined) {
        if (side === "A") add(`${module}.weight`, this.#lowRank(name, module, embedding !== undefined));
        else this.#tensorNamed(name.replace(/B(?=(?:\.weight)?$)/, "A")); // each B has its A
      } else {
        const path = bare.replace(/\.base_layer(?=\.)/, "").replace(/\.modules_to_save(?:\.default)?(?=\.)/, "");
        if (otherName.test(path)) throw this.#unsupported(name);
        add(path, { replacement: name });
      }
    }
    return [...targets.values()];
  }

  #lowRank(nameOfA: string, module: string, isEmbedding: boolean): Partial<AdapterTarget> {
    const nameOfB = nameOfA.replace(/A(?=(?:\.weight)?$)/, "B");
    const [a, b] = [this.#tensorNamed(nameOfA), this.#tensorNamed(nameOfB)];
    const { rank, scaling } = scalingOf(this.#config, module, this.#matches);
    if (!isTarget(this.#config, module, this.#matches))
      throw this.#mismatch(nameOfA, "a module of target_modules", module);
    if (a.shape[0] !== rank) throw this.#mismatch(nameOfA, `rank ${rank}`, `[${a.shape}]`);
    if (b.shape[1] !== rank) throw this.#mismatch(nameOfB, `rank ${rank}`, `[${b.shape}]`);
    const [outer, inner] = [b.shape[0]!, elementCount(a.shape) / rank];
    // An embedding's delta is the transposed product: rows are tokens.
    const readLowRank = async (): Promise<LowRank> => {
      const [left, right] = [await this.#values(nameOfB), await this.#values(nameOfA)];
      if (!isEmbedding) return { rank, scaling, left, right };
      return { rank, scaling, left: transposed(right, rank), right: transposed(left, outer) };
    };
    const [rows, columns] = isEmbedding ? [inner, outer] : [outer, inner];
    return { rank, scaling, rows, columns, readLowRank };
  }

  async #values(name: string): Promise<Float32Array> {
    const { bytes, dtype } = await this.#tensors.read(name);
    return toFloat32(bytes, dtype);
  }

  #tensorNamed(name: string) {
    const info = this.#tensors.info(name);
    if (info && info.shape.length >= 2 && elementCount(info.shape) > 0) return info;
    throw this.#mismatch(name, "a matrix", info ? `[${info.shape}]` : "none");
  }

  #mismatch(tensor: string, expected: string, found: string): OcellusError {
    return new OcellusError(
      "invalid_file",
      `${this.#tensors.path}: ${shorten(tensor)}: expected ${expected}, found ${shorten(found)}`,
      { details: { tensor, expected, found } },
    );
  }

  #unsupported(tensor: string): OcellusError {
    return new OcellusError(
      "unsupported",
      `${this.#tensors.path}: ${shorten(tensor)} is not merged here; merge it with PEFT (merge_and_unload) and pack the result`,
      { details: { tensor } },
    );
  }
}

/** [rows, columns] → [columns, rows] */
function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!;
  return out;
}
