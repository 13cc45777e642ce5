/**
 * The weights of a packed model, streamed into one safetensors file, or, for browsers, into shards with the index that sharded
 * checkpoints have: a page holds a file in one buffer.
 */
import { invariant, OcellusError, throwIfAborted } from "../base/index.js";
import { createSafetensorsWriter, type SafetensorsWriter } from "../checkpoint/index.js";
import { joinPath, writeFileAtomically } from "../fs/index.js";
import type { ExternalLocation, WeightSource } from "../graph/index.js";
import type { WeightsSource } from "../quantize/index.js";
import { maxFileBytes } from "../storage/web/index.js";
import { byteLength } from "../tensor/index.js";
import { type EncodedPiece, encodeWeights, plainPieces } from "./encode-weights.js";
import type { Entry } from "./layout.js";
import { packedFiles } from "./manifest.js";

export interface PackProgress {
  readonly tensor: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

interface WriteOptions {
  /** Begins another file before a tensor that would make one longer. Default: one file. */
  readonly shardBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}

/** Returns where each tensor is. @throws `unsupported` for a tensor that no shard may hold, `invalid_file`, `io`, `aborted`. */
export async function writeWeights(
  folder: string,
  entries: readonly Entry[],
  weights: WeightsSource,
  options: WriteOptions,
): Promise<(name: string) => ExternalLocation> {
  const shards = options.shardBytes === undefined ? [entries] : shardsOf(entries, options.shardBytes);
  const places = new Map<string, ExternalLocation>();
  const held = new HeldParts();
  const advance = progressOf(entries, weights, options);
  for (const [i, shard] of shards.entries()) {
    const file = shards.length === 1 ? packedFiles.weights : packedFiles.shard(i + 1, shards.length);
    const offsetOf = await writeShard(joinPath(folder, file), shard, weights, held, advance);
    for (const { info } of shard) places.set(info.name, { file, offset: offsetOf(info.name) });
  }
  if (shards.length > 1) await writeIndex(folder, places);
  return (name) => {
    const place = places.get(name);
    invariant(place, `the packed weights hold ${name}`);
    return place;
  };
}

const bytesOf = ({ info }: Entry) => byteLength(info.dtype, info.shape);

/** In their order, as many to a shard as it may hold. */
export function shardsOf(entries: readonly Entry[], shardBytes: number): Entry[][] {
  const shards: Entry[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    const more = bytesOf(entry);
    if (more > maxFileBytes) throw tooLarge(entry, more);
    if (bytes > 0 && bytes + more > shardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)!.push(entry);
    bytes += more;
  }
  return shards;
}

function tooLarge({ info }: Entry, bytes: number): OcellusError {
  return new OcellusError(
    "unsupported",
    `${info.name} has ${bytes} bytes; browsers hold at most ${maxFileBytes} in one buffer; pack with fewer bits, such as --embedding-weights int4`,
    { details: { tensor: info.name, numBytes: bytes, maxBytes: maxFileBytes } },
  );
}

async function writeIndex(folder: string, places: ReadonlyMap<string, ExternalLocation>): Promise<void> {
  const weightMap = Object.fromEntries([...places].map(([name, { file }]) => [name, file]));
  await writeFileAtomically(joinPath(folder, packedFiles.index), `${JSON.stringify({ weight_map: weightMap })}\n`);
}

type Advance = (tensor: string, bytes: number) => void;

function progressOf(entries: readonly Entry[], weights: WeightsSource, { signal, onProgress }: WriteOptions): Advance {
  const totalBytes = entries.reduce((sum, entry) => sum + sourceBytes(entry, weights), 0);
  let doneBytes = 0;
  return (tensor, bytes) => {
    throwIfAborted(signal);
    doneBytes += bytes;
    onProgress?.({ tensor, doneBytes, totalBytes });
  };
}

/** Streams the entries into the file; returns where each one starts. */
async function writeShard(
  path: string,
  entries: readonly Entry[],
  weights: WeightsSource,
  held: HeldParts,
  advance: Advance,
) {
  const writer = await createSafetensorsWriter(
    path,
    entries.map((e) => e.info),
  );
  try {
    for (const entry of entries) {
      if (entry.source === "raw" || entry.source.part === "values") {
        await writeValues(writer, entry, weights, held, advance);
      } else for (const bytes of held.take(entry.source)) await writer.write(bytes);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return (name: string) => writer.offsetOf(name);
}

/** What came with the values of a matrix and is written right after them: scales, zero points. */
class HeldParts {
  readonly #pieces = new Map<string, Uint8Array[]>();

  keep({ tensor, parts }: EncodedPiece): void {
    for (const [part, bytes] of Object.entries(parts)) {
      const key = `${tensor} ${part}`;
      if (part !== "values") this.#pieces.set(key, [...(this.#pieces.get(key) ?? []), bytes]);
    }
  }

  take({ tensors, part }: WeightSource): Uint8Array[] {
    return tensors.flatMap((tensor) => {
      const pieces = this.#pieces.get(`${tensor} ${part}`) ?? [];
      this.#pieces.delete(`${tensor} ${part}`);
      return pieces;
    });
  }
}

/** Writes one tensor's values and holds what came with them. */
async function writeValues(
  writer: SafetensorsWriter,
  entry: Entry,
  weights: WeightsSource,
  held: HeldParts,
  advance: Advance,
): Promise<void> {
  if (entry.source === "raw") {
    for await (const bytes of plainPieces(weights, entry.info.name)) {
      await writer.write(bytes);
      advance(entry.info.name, bytes.byteLength);
    }
    return;
  }
  for await (const piece of encodeWeights(weights, entry.source.tensors, entry.source.format)) {
    if (piece.parts.values) await writer.write(piece.parts.values);
    held.keep(piece);
    advance(entry.info.name, piece.sourceBytes);
  }
}

function sourceBytes({ info, source }: Entry, weights: WeightsSource): number {
  if (source === "raw") return byteLength(info.dtype, info.shape);
  if (source.part !== "values") return 0;
  return source.tensors.reduce((sum, name) => {
    const tensor = weights.info(name)!;
    return sum + byteLength(tensor.dtype, tensor.shape);
  }, 0);
}
