/**
 * A checkpoint that somebody else quantised, seen as if it held plain matrices: `weight` [rows, columns], widened to float32
 * when read, or handed over as stored where one of our formats takes it without loss.
 */
import { z } from "zod";
import { invariant, OcellusError } from "../../base/index.js";
import { bytesOf, type TensorInfo, type TensorSource, type WeightFormat } from "../../tensor/index.js";
import { awqMatrices, awqSchema } from "./awq.js";
import { bitsandbytesMatrices, bitsandbytesSchema } from "./bitsandbytes.js";
import { compressedMatrices, compressedTensorsSchema } from "./compressed-tensors.js";
import { fp8Matrices, fp8Schema } from "./fp8.js";
import { gptqMatrices, gptqSchema } from "./gptq.js";
import type { ForeignMatrix, LoadedMatrix, StoredParts } from "./matrix.js";

/** Tensors, and for those that lie there quantised, how. */
export interface WeightsSource extends TensorSource {
  readonly stored?: StoredMatrices;
}

export interface StoredMatrices {
  /** As config.json names it: "gptq". */
  readonly method: string;
  readonly names: readonly string[];
  /** The format of ours that holds the matrix without loss; undefined for plain tensors and where there is none. */
  exactFormat(name: string): WeightFormat | undefined;
  /** The whole matrix in that format. */
  read(name: string): Promise<StoredParts>;
}

/** The same tensors, some of which lie there quantised; where both sources have one so, `stored` counts. */
export function withStored(source: WeightsSource, stored: StoredMatrices): WeightsSource {
  const own = source.stored;
  const isNew = (name: string) => stored.exactFormat(name) !== undefined;
  return {
    names: () => source.names(),
    info: (name) => source.info(name),
    read: (name) => source.read(name),
    readRange: (name, ...range) => source.readRange(name, ...range),
    stored: {
      method: stored.method,
      names: [...(own?.names ?? []), ...stored.names],
      exactFormat: (name) => stored.exactFormat(name) ?? own?.exactFormat(name),
      read: (name) => (isNew(name) ? stored.read(name) : own!.read(name)),
    },
  };
}

type Reader = (
  source: TensorSource,
  config: unknown,
) => Promise<Map<string, ForeignMatrix>> | Map<string, ForeignMatrix>;

const reader =
  <C>(schema: z.ZodType<C>, matrices: (source: TensorSource, config: C) => ReturnType<Reader>): Reader =>
  (source, config) => {
    const parsed = schema.safeParse(config);
    if (parsed.success) return matrices(source, parsed.data);
    const { path, message } = parsed.error.issues[0]!;
    throw new OcellusError(
      "unsupported",
      `config.json: quantization_config.${path.join(".")}: ${message}; ${supported}`,
    );
  };

const readers = new Map<string, Reader>([
  ["bitsandbytes", reader(bitsandbytesSchema, bitsandbytesMatrices)],
  ["gptq", reader(gptqSchema, gptqMatrices)],
  ["awq", reader(awqSchema, awqMatrices)],
  ["compressed-tensors", reader(compressedTensorsSchema, compressedMatrices)],
  ["fp8", reader(fp8Schema, fp8Matrices)],
]);

const supported =
  "supported are bitsandbytes (4 bits), gptq (4 and 8 bits), awq (gemm), compressed-tensors (pack-quantized) and fp8 (block-scaled)";

/** @throws `unsupported` for a method or variant that is not read, `invalid_file` for parts that do not fit together. */
export async function openQuantized(source: TensorSource, config: unknown): Promise<WeightsSource> {
  const method = z.object({ quant_method: z.string() }).safeParse(config).data?.quant_method ?? "";
  const found = readers.get(method);
  if (!found) {
    throw new OcellusError(
      "unsupported",
      `config.json: the weights are quantised by ${JSON.stringify(method)}; ${supported}; or use the checkpoint it was made from`,
      { details: { found: method, supported: [...readers.keys()] } },
    );
  }
  return new QuantizedSource(source, method, await found(source, config));
}

class QuantizedSource implements WeightsSource {
  readonly stored: StoredMatrices;
  readonly #source: TensorSource;
  readonly #matrices: ReadonlyMap<string, ForeignMatrix>;
  readonly #parts: ReadonlySet<string>;
  /** The matrix read last: its rows are asked for one after another. */
  #loaded?: { readonly name: string; readonly matrix: Promise<LoadedMatrix> };

  constructor(source: TensorSource, method: string, matrices: ReadonlyMap<string, ForeignMatrix>) {
    this.#source = source;
    this.#matrices = matrices;
    this.#parts = new Set([...matrices.values()].flatMap((matrix) => matrix.parts));
    this.stored = {
      method,
      names: [...matrices.keys()],
      exactFormat: (name) => matrices.get(name)?.exact,
      read: async (name) => {
        const parts = (await this.#load(name)).stored?.();
        invariant(parts, `${name} has no exact format`);
        return parts;
      },
    };
  }

  names(): Iterable<string> {
    return [...[...this.#source.names()].filter((name) => !this.#parts.has(name)), ...this.#matrices.keys()];
  }

  info(name: string): TensorInfo | undefined {
    const matrix = this.#matrices.get(name);
    if (matrix) return { name, dtype: "f32", shape: [matrix.rows, matrix.columns] };
    return this.#parts.has(name) ? undefined : this.#source.info(name);
  }

  async read(name: string) {
    const matrix = this.#matrices.get(name);
    if (!matrix) return this.#source.read(name);
    return { ...this.info(name)!, bytes: await this.readRange(name, 0, matrix.rows * matrix.columns) };
  }

  async readRange(name: string, start: number, end: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const matrix = this.#matrices.get(name);
    if (!matrix) return this.#source.readRange(name, start, end, into);
    const { rows, columns } = matrix;
    invariant(0 <= start && start <= end && end <= rows * columns, `rows of ${name}: [${start}, ${end})`);
    const first = Math.floor(start / columns);
    const values = (await this.#load(name)).widen(first, Math.ceil(end / columns));
    return bytesOf(values.subarray(start - first * columns, end - first * columns));
  }

  #load(name: string): Promise<LoadedMatrix> {
    if (this.#loaded?.name !== name) this.#loaded = { name, matrix: this.#matrices.get(name)!.load() };
    return this.#loaded.matrix;
  }
}
