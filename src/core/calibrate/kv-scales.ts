/**
 * Scales of int8 keys and values: the packed decoder reads the calibration set, a sequence at a time, and the largest key and value
 * of each channel, and a little more, become the ends of the range. Keys differ in size by channel far more than by token, so one scale a channel
 * loses little [Liu et al., KIVI, 2024]. Memory: the opened decoder, the embeddings of the set, the keys and values of one sequence.
 */
import { type DeviceTensor, GraphSession } from "../backend/index.js";
import { OcellusError, throwIfAborted } from "../base/index.js";
import { openCheckpoint } from "../checkpoint/index.js";
import { between, isRecurrent, type KvScales, valueNamed } from "../graph/index.js";
import {
  encodeStored,
  hasKvScales,
  openPacked,
  type PackedModel,
  readModel,
  type SourceModel,
  storedGraphs,
  writeKvScales,
} from "../pack/index.js";
import { readCalibrationSet } from "./calibration-set.js";
import { feedsOf } from "./piece-session.js";
import { readSequences, type Sequence } from "./sequences.js";

/** Room above what was seen: keys of images go beyond those of the texts that are usually read, and what does is cut off. */
const headroom = 1.3;

export interface KvScalesOptions {
  /** A folder of texts and images. Default: the neutral texts of the package. */
  readonly calibrateOn?: string | undefined;
  /** Measure again even if the packed model has them. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Before minutes of packing. @throws `unsupported` for a checkpoint whose layers keep states or that writes no text, and as `readModel` */
export async function checkKvScales(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    expectKeysAndValues(path, await readModel(checkpoint));
  } finally {
    await checkpoint.close();
  }
}

function expectKeysAndValues(path: string, { family, config }: Pick<SourceModel, "family" | "config">): void {
  if (family.kind === "language" && !isRecurrent(family.states(config))) return;
  const message = `${path}: int8 keys and values need a decoder that keeps nothing else; ${family.modelType} has none`;
  throw new OcellusError("unsupported", message, {
    details: { option: "kvCacheDtype", modelType: family.modelType, kind: family.kind },
  });
}

/**
 * Adds the scales to a packed model that has none of that set.
 * @throws `unsupported` for a model that writes no text or whose layers keep states; `io`, `aborted`
 */
export async function packKvScales(path: string, options: KvScalesOptions = {}): Promise<void> {
  const packed = await openPacked(path);
  try {
    expectKeysAndValues(path, packed);
    const set = await readCalibrationSet(options.calibrateOn);
    if (!options.force && (await hasKvScales(packed, set.digest))) return;
    const sequences = await readSequences(path, set, options.signal);
    await writeKvScales(packed, set.digest, await measured(packed, sequences, options));
  } finally {
    await packed.close();
  }
}

async function measured(
  packed: PackedModel,
  sequences: readonly Sequence[],
  { signal, onProgress }: KvScalesOptions,
): Promise<KvScales> {
  const { decoder } = storedGraphs(packed);
  const added = decoder!.outputs.filter(({ name }) => name.startsWith("added."));
  const graph = between(decoder!, [valueNamed(decoder!, "inputs_embeds")], added);
  const wanted = Object.fromEntries(added.map(({ name }) => [name, null]));
  const largest = new Map<string, Float32Array>();
  const session = await GraphSession.open(encodeStored(graph, packed), { device: "cpu", weightsFolder: packed.path });
  try {
    for (const [n, sequence] of sequences.entries()) {
      throwIfAborted(signal);
      const results = await session.run(feedsOf(graph, sequence, sequence.hidden), wanted);
      for (const [name, tensor] of Object.entries(results)) take(largest, name.slice("added.".length), tensor);
      onProgress?.(n + 1, sequences.length);
    }
  } finally {
    await session.close();
  }
  return new Map([...largest].map(([name, most]) => [name, most.map((value) => ((value || 1) * headroom) / 127)]));
}

/** The largest magnitude of each column. */
function take(largest: Map<string, Float32Array>, name: string, { data, dims }: DeviceTensor): void {
  const [values, columns] = [data as Float32Array, dims.at(-1)!];
  const most = largest.get(name) ?? new Float32Array(columns);
  largest.set(name, most);
  for (let i = 0; i < values.length; i++) most[i % columns] = Math.max(most[i % columns]!, Math.abs(values[i]!));
}
