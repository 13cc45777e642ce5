/**
 * What a model will take before it is loaded: weights in every format we pack, keys and values, the most that the graphs
 * hold at once, against the memory of a machine. An estimate, from the graphs that packing would build; how near it
 * comes is measured by `npm run bench -- memory` and told in docs/inspect.md.
 */
import { type MachineMemory, machineMemory } from "../core/backend/index.js";
import { OcellusError } from "../core/base/index.js";
import { type Checkpoint, openCheckpoint } from "../core/checkpoint/index.js";
import { type Graph, type KvCacheDtype, recordingCatalog, stateBytes } from "../core/graph/index.js";
import {
  gridOf,
  type ImageGrid,
  type ImageProcessor,
  numPatches,
  numTiles,
  readImageProcessorConfig,
  viewsOf,
} from "../core/image/spec/index.js";
import { type AnyFamily, familyOf, type HostInput, type LanguageFamily, numRows } from "../core/models/index.js";
import {
  autoPlan,
  buildGraphs,
  formatOf,
  isPacked,
  manifestSchema,
  type PackingPlan,
  packedFiles,
  parsePlan,
  plannedMatrix,
  prefillFormatOf,
  prefillGraph,
  weightsOptions,
} from "../core/pack/index.js";
import { byteLength, type DType, storedBytes, type WeightFormat } from "../core/tensor/index.js";
import { peakActivationBytes, type RunSizes } from "./activations.js";
import type { NamedFormat, Sentence } from "./page/page-data.js";
import { sentence } from "./sentence.js";

export interface MemoryOptions {
  /** Tokens of each running sequence; default 4,096 or what the model was made for, if that is less. */
  readonly contextTokens?: number;
  /** In place of those 4,096, where the model was made for more. */
  readonly mostTokens?: number;
  /** Sequences at once. Default 1. */
  readonly numSequences?: number;
  /** Of keys and values. Default "float32". */
  readonly kvCacheDtype?: KvCacheDtype;
  /** Default 1024 × 1024. */
  readonly image?: ImageSize;
  /** Default: this machine, now. */
  readonly machine?: MachineMemory;
  /** The only format to look at, of what is not packed yet. Default: every one. */
  readonly plan?: PackingPlan;
  /** Every format that there is, also of what is packed already. Default false. */
  readonly everyFormat?: boolean;
}

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** now: in what is free; freed: in what there is, once other programs are closed; no: more than there is. */
export type Fits = "now" | "freed" | "no";

export interface FormatEstimate {
  readonly weights: PackingPlan["weights"];
  readonly blockSize: PackingPlan["blockSize"];
  readonly embeddingWeights: PackingPlan["embeddingWeights"];
  /** All weights as packed: those in memory, and a token table that is read row by row from the file. */
  readonly packedBytes: number;
  /** Those in memory. */
  readonly weightsBytes: number;
  /** Weights, keys and values, the larger of the two peaks, and the process itself. */
  readonly totalBytes: number;
  readonly fits: Fits;
}

export interface MemoryEstimate {
  readonly machine: MachineMemory;
  readonly formats: readonly FormatEstimate[];
  /** Node.js, ONNX Runtime and the code of both. */
  readonly processBytes: number;
  /** Of a model that writes text. */
  readonly decoder?: DecoderEstimate;
  /** Of a model that has eyes. */
  readonly vision?: VisionEstimate;
  /** What would fit, when the default format does not; in sentences. */
  readonly advice: readonly Sentence[];
}

export interface DecoderEstimate {
  readonly contextTokens: number;
  readonly maxContextTokens: number;
  readonly numSequences: number;
  readonly cacheBytesPerThousandTokens: number;
  readonly cacheBytes: number;
  /** While a chunk of a prompt is read. */
  readonly peakBytes: number;
}

export interface VisionEstimate {
  readonly image: ImageSize;
  /** Patches that the vision tower sees of it. */
  readonly numPatches: number;
  /** Rows of the prompt that the picture takes; absent in an encoder. */
  readonly numTokens?: number;
  readonly peakBytes: number;
}

/** Node.js with ONNX Runtime and two small sessions open; measured 180 to 220 MB. */
const processBytes = 200e6;
/** ONNX Runtime's arena grows by doubling and is cut into pieces: measured 2.0 to 2.3 times the values that live at once. */
const arenaFactor = 2.2;
/** Tokens of a prompt that the engine reads in one step. */
const prefillTokens = 512;
const usualContext = 4096;
const usualImage: ImageSize = { width: 1024, height: 1024 };

/** @throws `unsupported` for a family we do not run, `invalid_config`, `invalid_request`, and what `openCheckpoint` throws. */
export async function estimateMemory(path: string, options: MemoryOptions = {}): Promise<MemoryEstimate> {
  const checkpoint = await openCheckpoint(path);
  try {
    const json = await checkpoint.readJson("config.json");
    const family = familyOf(json);
    const config: unknown = family.parseConfig(json);
    return estimate(
      family,
      config,
      await imageProcessorOf(checkpoint, family, config),
      options,
      await packedWeights(checkpoint),
    );
  } finally {
    await checkpoint.close();
  }
}

/** The one format that a packed model has. */
async function packedWeights(checkpoint: Checkpoint): Promise<PackingPlan | undefined> {
  if (!(await isPacked(checkpoint))) return undefined;
  const manifest = manifestSchema.parse(await checkpoint.readJson(packedFiles.manifest));
  const { weights, formats, block_size: blockSize, zero_points: zeroPoints } = manifest;
  const kept = { visionWeights: manifest.vision_weights, embeddingWeights: manifest.embedding_weights };
  const prefillWeights = manifest.prefill_weights;
  if (weights !== "auto") return parsePlan(weights, { blockSize, zeroPoints, prefillWeights, ...kept });
  return autoPlan(new Map(Object.entries(formats ?? {})) as ReadonlyMap<string, WeightFormat>, kept);
}

async function imageProcessorOf(
  checkpoint: Checkpoint,
  family: AnyFamily,
  config: unknown,
): Promise<ImageProcessor | undefined> {
  const json = await readImageProcessorConfig(checkpoint);
  return family.kind === "language" ? family.image?.imageProcessor(config, json) : family.imageProcessor(config, json);
}

function estimate(
  family: AnyFamily,
  config: unknown,
  imageProcessor: ImageProcessor | undefined,
  options: MemoryOptions,
  packed: PackingPlan | undefined,
): MemoryEstimate {
  const machine = options.machine ?? machineMemory();
  const graphs = graphsOf(family, config, parsePlan("int4")); // activations are alike in all formats
  const decoder = family.kind === "language" ? decoderEstimate(family, config, graphs.decoder!, options) : undefined;
  const vision =
    imageProcessor && visionEstimate(family, config, graphs.vision!, imageProcessor, options.image ?? usualImage);
  const peaks = Math.max(decoder?.peakBytes ?? 0, vision?.peakBytes ?? 0);
  const fixedBytes = processBytes + (decoder?.cacheBytes ?? 0) + peaks;
  const only = packed ?? options.plan;
  const formats = (only && !options.everyFormat ? [only] : plans).map((plan): FormatEstimate => {
    const planned = Object.values(graphsOf(family, config, plan));
    const packedBytes = initializerBytes(planned, (dtype) => dtype) + untiedTableBytes(family, config, plan, planned);
    const weightsBytes = initializerBytes(planned, openedAs);
    const totalBytes = weightsBytes + fixedBytes;
    const { weights, blockSize, embeddingWeights } = plan;
    const bytes = { packedBytes, weightsBytes, totalBytes };
    return { weights, blockSize, embeddingWeights, ...bytes, fits: fits(totalBytes, machine) };
  });
  const found = { machine, formats, processBytes, ...(decoder && { decoder }), ...(vision && { vision }) };
  return { ...found, advice: advice(found) };
}

/** Every format, those of free block size at the closest and at the smallest block; int4 as small as it gets, too. */
const plans: readonly PackingPlan[] = weightsOptions.flatMap((weights) => [
  ...(/^int/.test(weights) ? [32, 128] : [32]).map((blockSize) => parsePlan(weights, { blockSize })),
  ...(weights === "int4" ? [parsePlan(weights, { blockSize: 128, embeddingWeights: "int4" })] : []),
]);

function graphsOf(family: AnyFamily, config: unknown, plan: PackingPlan): Record<string, Graph> {
  const catalog = (of: typeof formatOf) =>
    recordingCatalog((name, columns) => of(plan, plannedMatrix(family, name, columns)));
  const graphs = buildGraphs(family, config, catalog(formatOf));
  if (plan.prefillWeights === "same" || family.kind !== "language") return graphs;
  return { ...graphs, prefill: prefillGraph(family, config, catalog(prefillFormatOf)) };
}

/** ONNX Runtime does a half-precision matrix's cast when it opens the graph: decisions/0005-mixed-precision.md. */
function openedAs(dtype: DType): DType {
  return dtype === "f16" ? "f32" : dtype;
}

function initializerBytes(graphs: readonly Graph[], as: (dtype: DType) => DType): number {
  const values = graphs.flatMap((graph) => graph.initializers.map(({ value }) => value));
  const distinct = new Map(values.map((value) => [value.name, value]));
  return [...distinct.values()].reduce((sum, { dtype, shape }) => sum + byteLength(as(dtype), shape as number[]), 0);
}

function untiedTableBytes(family: AnyFamily, config: unknown, plan: PackingPlan, graphs: readonly Graph[]): number {
  if (family.kind !== "language") return 0;
  const sources = graphs.flatMap((graph) => graph.initializers.map(({ source }) => source));
  if (sources.some((source) => "tensors" in source && source.tensors[0] === family.embedTokens)) return 0;
  const { hiddenSize, vocabSize } = family.dimensions(config);
  const format = formatOf(plan, { name: family.embedTokens, part: "embedding" });
  if ("blockSize" in format) return storedBytes(format, vocabSize, hiddenSize);
  return 2 * vocabSize * hiddenSize; // the checkpoint's own dtype: two bytes in all that are published
}

function decoderEstimate(
  family: LanguageFamily,
  config: unknown,
  graph: Graph,
  { contextTokens, mostTokens = usualContext, numSequences = 1, kvCacheDtype }: MemoryOptions,
): DecoderEstimate {
  const maxContextTokens = family.dimensions(config).maxLength;
  const context = contextTokens ?? Math.min(mostTokens, maxContextTokens);
  checkRange("contextTokens", context, maxContextTokens);
  checkRange("numSequences", numSequences, 1024); // more than the batch of any server on one machine
  const { perToken, fixed } = stateBytes(family.states(config), kvCacheDtype);
  const sequence = Math.min(prefillTokens, context);
  const sizes = { batch: 1, sequence, tokens: sequence, num_logits: 1, capacity: context };
  return {
    ...{ contextTokens: context, maxContextTokens, numSequences },
    cacheBytesPerThousandTokens: 1000 * perToken,
    cacheBytes: numSequences * (context * perToken + fixed),
    peakBytes: Math.round(arenaFactor * peakActivationBytes(graph, sizes)),
  };
}

function visionEstimate(
  family: AnyFamily,
  config: unknown,
  graph: Graph,
  imageProcessor: ImageProcessor,
  picture: ImageSize,
): VisionEstimate {
  checkRange("image.width", picture.width, maxImageSide);
  checkRange("image.height", picture.height, maxImageSide);
  const grid = gridOf(picture, imageProcessor);
  const image = family.kind === "language" ? family.image : undefined;
  const layout = image?.layout(config, grid, 0, () => [], 0);
  const numTokens = layout && numRows(layout);
  const patches = { data: new Float32Array(0), shape: [numPatches(grid, imageProcessor), 1], grid } as const;
  const sizes = {
    ...(image && fedSizes(graph, image.inputs(config, patches))),
    ...largestBatch(grid, imageProcessor),
    ...(layout && { num_tokens: layout.spans.at(-1)!.numTokens }), // of an image in slices, of one of them
  };
  return {
    image: picture,
    numPatches: numPatches(grid, imageProcessor),
    ...(numTokens !== undefined && { numTokens }),
    peakBytes: Math.round(arenaFactor * peakActivationBytes(graph, sizes)),
  };
}

/** Sizes that are only the family's, such as the windows of an image, by the shapes of what it feeds its graph. */
function fedSizes(graph: Graph, inputs: Readonly<Record<string, HostInput>>): RunSizes {
  const dims = graph.inputs.flatMap(({ name, shape }) => shape.map((dim, axis) => [dim, inputs[name]?.shape[axis]]));
  return Object.fromEntries(dims.filter(([dim, size]) => typeof dim === "string" && size !== undefined));
}

/** Of what an encoder runs at once: tiles together, or all slices. */
function largestBatch(grid: ImageGrid, imageProcessor: ImageProcessor): RunSizes {
  const { rows, columns, count } = viewsOf(grid).at(-1)!;
  return {
    num_images: imageProcessor.kind === "tiles" ? numTiles(grid, imageProcessor) : count,
    num_patches: rows * columns,
  };
}

/** The widest picture that any decoder of ours takes. */
const maxImageSide = 65_535;

function checkRange(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new OcellusError("invalid_request", `${what}: expected a whole number from 1 to ${most}, found ${value}`, {
    details: { field: what, least: 1, most, found: value },
  });
}

function fits(bytes: number, { availableBytes, totalBytes }: MachineMemory): Fits {
  return bytes <= availableBytes ? "now" : bytes <= totalBytes ? "freed" : "no";
}

/** Nothing to say when what `loadModel` takes by default fits. */
function advice({ formats, decoder, machine }: Omit<MemoryEstimate, "advice">): Sentence[] {
  const usual = formats.find(({ weights, blockSize }) => weights === "int4" && blockSize === 32) ?? formats[0]!;
  if (usual.fits === "now") return [];
  const fitting = formats.filter((format) => format.fits === "now");
  if (fitting.length > 0) {
    const text = `${fitting.map(formatLabel).join(", ")} would fit`;
    return [sentence("would_fit", { formats: fitting.map(named) }, text)];
  }
  const smallest = formats.reduce((a, b) => (a.totalBytes <= b.totalBytes ? a : b));
  const [format, label] = [named(smallest), formatLabel(smallest)];
  const [lacking, lackingAtAll] = [machine.availableBytes, machine.totalBytes].map((has) => smallest.totalBytes - has);
  const perToken = (decoder?.cacheBytesPerThousandTokens ?? 0) / 1000;
  const tokens = decoder && Math.floor(decoder.contextTokens - lacking! / perToken / decoder.numSequences);
  if (tokens && tokens >= 256)
    return [sentence("shorter_fits", { format, tokens }, `${label} and a context of ${tokens} tokens would fit`)];
  const bytes = gigabytes(lackingAtAll! <= 0 ? lacking! : lackingAtAll!);
  return lackingAtAll! <= 0
    ? [sentence("freed_fits", { format, bytes }, `${label} would fit once other programs give back ${bytes}`)]
    : [sentence("nothing_fits", { format, bytes }, `nothing here fits: ${label} lacks ${bytes} on this machine`)];
}

function named({ weights, blockSize, embeddingWeights }: FormatEstimate): NamedFormat {
  return { weights, blockSize, embeddingWeights };
}

export function formatLabel({ weights, blockSize, embeddingWeights }: FormatEstimate): string {
  if (!/^int/.test(weights)) return weights;
  return `${weights} in blocks of ${blockSize}${embeddingWeights === "int8" ? "" : ` with --embedding-weights ${embeddingWeights}`}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
