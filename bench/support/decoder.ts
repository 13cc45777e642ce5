/** A packed random decoder of the 8B's layer shape, opened for timing without tokenizer or processor. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultThreads, GraphSession } from "../../src/core/backend/index.js";
import { Engine, type EngineRequest } from "../../src/core/engine/index.js";
import { indexPositions } from "../../src/core/models/index.js";
import { openPacked, type PackedModel, pack, parsePlan } from "../../src/core/pack/index.js";
import { DecoderRunner } from "../../src/core/runtime/runner.js";
import type { SequenceInputs } from "../../src/core/runtime/sequence-inputs.js";
import { writeRandomCheckpoint } from "./random-checkpoint.js";

/** qwen3_vl_resampler at 8B sizes, with fewer layers and a small vocabulary so that layers are what is timed. */
export function layerShapedConfig(numLayers: number, vocabSize = 8192) {
  const vision = { depth: 1, hidden_size: 1024, intermediate_size: 4096, num_heads: 16 };
  const resampler = { num_hidden_layers: 1, num_attention_heads: 16, hidden_size: 1024, intermediate_size: 4096 };
  return {
    model_type: "qwen3_vl_resampler",
    image_token_id: 5,
    eos_token_id: 2,
    tie_word_embeddings: true,
    vision_config: vision,
    resampler_config: resampler,
    text_config: {
      vocab_size: vocabSize,
      hidden_size: 4096,
      intermediate_size: 11008,
      num_hidden_layers: numLayers,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 128,
    },
  };
}

export interface TimedDecoder {
  readonly packed: PackedModel;
  readonly runner: DecoderRunner;
  readonly engine: Engine<SequenceInputs>;
  close(): Promise<void>;
}

export interface DecoderOptions {
  readonly numLayers: number;
  readonly weights?: string;
  readonly blockSize?: number;
  readonly numSlots?: number;
  readonly maxLength?: number;
}

/** Made once in the system's temporary folder, packed in the cache. */
export async function openLayerShapedDecoder(options: DecoderOptions): Promise<TimedDecoder> {
  const folder = join(tmpdir(), `ocellus-bench-8b-${options.numLayers}-layers`);
  if (!existsSync(join(folder, "model.safetensors")))
    await writeRandomCheckpoint(folder, layerShapedConfig(options.numLayers));
  const { path } = await pack(folder, { plan: parsePlan(options.weights ?? "int4", options) });
  return openDecoder(path, options);
}

/** The decoder of a packed model with an engine over it. */
export async function openDecoder(
  path: string,
  options: { numSlots?: number; maxLength?: number } = {},
): Promise<TimedDecoder> {
  const packed = await openPacked(path);
  const session = await GraphSession.open(packed.graphPath("decoder"), { device: "cpu", threads: defaultThreads() });
  const runner = new DecoderRunner(packed, session, {
    numSlots: options.numSlots ?? 8,
    maxLength: options.maxLength ?? 2048,
  });
  const engine = new Engine(runner, { prefillChunk: 2048 });
  const close = async () => {
    await engine.close();
    await session.close();
    await packed.close();
  };
  return { packed, runner, engine, close };
}

/** A prompt of `numVisual` random visual tokens and `numText` text tokens that decodes exactly `maxTokens`. */
export function randomRequest(
  hiddenSize: number,
  numVisual: number,
  numText: number,
  maxTokens: number,
): EngineRequest<SequenceInputs> {
  const promptIds = [...new Array<number>(numVisual).fill(5), ...Array.from({ length: numText }, (_, i) => 10 + i)];
  const tokens = Float32Array.from({ length: numVisual * hiddenSize }, (_, i) => Math.sin(i) * 0.02);
  const images = numVisual > 0 ? [{ start: 0, numTokens: numVisual, tokens, deepstack: [] }] : [];
  return {
    promptIds,
    payload: { images, positions: indexPositions },
    sampling: { temperature: 0 },
    maxTokens,
    stopTokenIds: [],
  };
}

export interface Timing {
  readonly firstTokenMs: number;
  readonly totalMs: number;
  readonly numTokens: number;
}

/** Runs one request to its end. */
export async function time(engine: Engine<SequenceInputs>, request: EngineRequest<SequenceInputs>): Promise<Timing> {
  const started = performance.now();
  let firstTokenMs = 0;
  let numTokens = 0;
  for await (const _ of engine.submit(request)) if (numTokens++ === 0) firstTokenMs = performance.now() - started;
  return { firstTokenMs, totalMs: performance.now() - started, numTokens };
}

/** The middle of `runs` measurements. */
export async function median(runs: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) values.push(await measure());
  return values.sort((a, b) => a - b)[Math.floor(runs / 2)]!;
}
