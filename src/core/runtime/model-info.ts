/** What a model says of itself: name, format and limits, and what it holds and has done. */
import type { EngineStats } from "../engine/index.js";
import type { PackedModel } from "../pack/portable.js";
import { resizeOf } from "./boxes.js";
import type { LocalFacts, LocalStats, ModelInfo } from "./language-model.js";
import type { Memory } from "./memory.js";
import type { TextSide } from "./open-text.js";
import type { Placement } from "./placement.js";
import { thinkingOf } from "./reasoning.js";
import type { DecoderRunner } from "./runner.js";

interface Parts extends Pick<TextSide, "chatTemplate" | "imageSpec" | "imagesPerQuestion" | "trainedFor" | "notes"> {
  readonly packed: PackedModel;
  readonly placement: Placement;
  readonly vision: unknown;
  readonly memory: Memory;
}

interface Engine {
  readonly speculates: boolean;
  stats(): EngineStats;
}

export function infoOf(parts: Parts, runner: DecoderRunner, engine: Engine): ModelInfo & LocalFacts {
  const { packed, chatTemplate, imagesPerQuestion, trainedFor } = parts;
  const { manifest } = packed;
  const thinking = thinkingOf(chatTemplate);
  return {
    path: packed.path,
    modelType: manifest.model_type,
    weights: manifest.weights,
    blockSize: manifest.block_size,
    digest: manifest.source_digest,
    device: parts.placement.device,
    maxLength: runner.maxLength,
    maxSequences: runner.numSlots,
    readsImages: parts.vision !== undefined,
    ...(parts.imageSpec?.video && { readsVideos: true }),
    ...(imagesPerQuestion !== undefined && { imagesPerQuestion }),
    ...(trainedFor && { trainedFor }),
    readsTools: /\btools\b/.test(chatTemplate ?? ""),
    speculates: engine.speculates,
    ...(thinking && { thinking }),
    ...(packed.family.about.places && { places: packed.family.about.places }),
    ...resizeOf(packed.family, parts.imageSpec?.imageProcessor),
    notes: [...parts.notes, ...runner.notes],
  };
}

export function statsOf({ memory }: Parts, runner: DecoderRunner, engine: Engine): LocalStats {
  const { cacheBytes, cacheUsage, prefixCacheBytes } = runner;
  const { stats: features } = memory.features;
  return {
    ...engine.stats(),
    ...{ cacheBytes, cacheUsage, prefixCacheBytes },
    nearDuplicateBytes: memory.near?.bytes ?? 0,
    encoderCacheBytes: features.bytes,
    features,
  };
}
