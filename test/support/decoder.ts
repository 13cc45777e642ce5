/** The real decoder of a packed model under an engine, without tokenizer: what runtime does, for random tiny models. */
import { join } from "node:path";
import type { Graph } from "../../src/core/backend/index.js";
import type { PrefixCache } from "../../src/core/cache/index.js";
import { openCheckpoint } from "../../src/core/checkpoint/index.js";
import { Engine, type EngineOptions, type EngineRequest } from "../../src/core/engine/index.js";
import type { KvScales } from "../../src/core/graph/index.js";
import { indexPositions } from "../../src/core/models/index.js";
import { openPacked, type PackedModel, pack, parsePlan } from "../../src/core/pack/index.js";
import { openDecoder } from "../../src/core/runtime/open.js";
import { DecoderRunner } from "../../src/core/runtime/runner.js";
import type { SequenceInputs } from "../../src/core/runtime/sequence-inputs.js";
import { toFloat32 } from "../../src/core/tensor/index.js";
import { goldenFolder } from "./folders.js";

export interface TestDecoder {
  readonly packed: PackedModel;
  readonly session: Graph;
  readonly runner: DecoderRunner;
  engine(options?: EngineOptions): Engine<SequenceInputs>;
  close(): Promise<void>;
}

interface TestDecoderOptions {
  readonly blockSize?: number;
  readonly prefillWeights?: "int8" | "same";
  readonly prefixes?: PrefixCache;
  readonly takesRuns?: boolean;
  readonly kvCacheDtype?: "float32" | "int8";
}

export async function openTestDecoder(
  weights: string,
  into: string,
  format = "fp32",
  numSlots = 4,
  {
    blockSize = 32,
    prefillWeights = "same",
    prefixes,
    takesRuns = false,
    kvCacheDtype = "float32",
  }: TestDecoderOptions = {},
): Promise<TestDecoder> {
  const plan = parsePlan(format, { blockSize, prefillWeights });
  const packed = await openPacked((await pack(weights, { plan, into })).path);
  const kvScales = kvCacheDtype === "int8" ? coarseScales(packed) : undefined;
  const session = await openDecoder(
    packed,
    { device: "cpu", threads: 1 },
    {},
    { usesPrefill: prefillWeights === "int8", takesRuns, kvScales },
  );
  const runner = new DecoderRunner(packed, session, { numSlots, maxLength: 512, prefixes });
  const close = async () => {
    await session.close();
    await packed.close();
  };
  return { packed, session, runner, engine: (options) => new Engine(runner, options), close };
}

/** Of another size in each channel, and so small that some keys and values lie beyond their range. */
function coarseScales({ family, config }: PackedModel): KvScales {
  const scales = family.states(config).flatMap((layer, n) => {
    if (layer.kind !== "kv") return [];
    const own = Float32Array.from({ length: layer.kvHeads * layer.headDim }, (_, i) => 0.004 * (1 + (i % 5)));
    return [[`${n}.key`, own] as const, [`${n}.value`, own] as const];
  });
  return new Map(scales);
}

/** A tensor of a golden fixture, as numbers. */
export async function fixtureTensor(name: string, tensor: string): Promise<Float32Array> {
  const file = await openCheckpoint(join(goldenFolder, name, "fixture.safetensors"));
  const { bytes, dtype } = await file.read(tensor);
  await file.close();
  return toFloat32(bytes, dtype);
}

/** The fixture's own prompt with its picture, decoding greedily. */
export async function fixtureRequest(
  packed: PackedModel,
  name: string,
  maxTokens = 64,
): Promise<EngineRequest<SequenceInputs>> {
  const promptIds = [...(await fixtureTensor(name, "input_ids"))];
  const tokenId = packed.family.image!.tokenId(packed.config, () => 0);
  const numTokens = promptIds.filter((id) => id === tokenId).length;
  const tokens = await fixtureTensor(name, "visual_tokens");
  const image = { start: promptIds.indexOf(tokenId), numTokens, tokens, deepstack: [] };
  return {
    promptIds,
    payload: { images: [image], positions: indexPositions },
    sampling: {},
    maxTokens,
    stopTokenIds: [],
  };
}

export async function tokensOf(
  engine: Engine<SequenceInputs>,
  request: EngineRequest<SequenceInputs>,
): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of engine.submit(request)) ids.push(event.tokenId);
  return ids;
}
