/**
 * A family's image encoder with a linear layer behind it, as transformers' …ForImageClassification, and what that layer reads
 * (FamilyView). Of a family that answers, which has no such class, the features are the mean over an image's patches, where its
 * vision graph gives them, else over its visual tokens: what `embedImage` gives, at its own length.
 */
import { z } from "zod";
import type { GraphBuilder, Value } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { parseConfig } from "./config.js";
import type {
  AnyFamily,
  Classifier,
  ClassifierFamily,
  ImageEncoder,
  ImageEncoderFamily,
  LanguageFamily,
} from "./family.js";
import { labelFields, labelsOf } from "./labels.js";
import { spelling } from "./names.js";

const headSchema = z.object(labelFields);

interface HeadConfig {
  readonly encoder: unknown;
  readonly labels: readonly string[];
}

type Encoder = Exclude<AnyFamily, LanguageFamily>;
const spelledHead = spelling({ classifier: "classifier" });

/** Undefined: its architecture has no linear layer behind the encoder. */
export function classifierOf(family: AnyFamily): Classifier | undefined {
  if (family.kind === "language" || family.kind === "classifier") return undefined;
  const { classifier: side } = family;
  if (!side) return undefined;
  const classifier: ClassifierFamily<HeadConfig> = {
    ...partsOfEncoder(family),
    kind: "classifier",
    view: "classifier",
    parseConfig: (json) => {
      const labels = labelsOf(parseConfig(headSchema, json, "config.json"));
      return { encoder: family.parseConfig(json), labels };
    },
    canonicalName: (name) => spelledHead(family.canonicalName(name)),
    parts: (name) => (name.startsWith("classifier.") ? "head" : family.parts(name)),
    isAside: (name) => side.tensorName(name) !== undefined || family.isAside?.(name) === true,
    graphs: ({ encoder, labels }) => ({
      vision(builder) {
        const row = side.features(builder, encoder);
        builder.output("logits", nn.linear(builder.root, "classifier", row, labels.length, { bias: true }));
      },
    }),
    labels: ({ labels }) => labels,
    imageProcessor: ({ encoder }, processorConfig) => family.imageProcessor(encoder, processorConfig),
    inputs: ({ encoder }, pixels) => family.inputs(encoder, pixels),
  };
  return classifier;
}

/** One that can stand below any head. */
export interface FeatureEncoder extends ImageEncoder {
  /** As a classifier's side has it. */
  readonly features: (builder: GraphBuilder, config: unknown) => Value;
}

/** Graph: `vision` (→ image_embeds [1, features]). Undefined: it has no such features. */
export function featureEncoderOf(family: AnyFamily): FeatureEncoder | undefined {
  const features = featuresOf(family);
  const side = family.kind === "language" ? family.image : family;
  if (!features || !side) return undefined;
  const encoder: ImageEncoderFamily<unknown> = {
    ...partsOfEncoder(family),
    kind: "image_encoder",
    view: "features",
    parseConfig: family.parseConfig,
    canonicalName: family.canonicalName,
    parts: family.parts,
    isAside: () => true, // the rest of the checkpoint is not asked
    graphs: (config) => ({ vision: (builder) => builder.output("image_embeds", features(builder, config)) }),
    imageProcessor: side.imageProcessor,
    inputs: side.inputs,
  };
  return { ...encoder, features };
}

function partsOfEncoder({ modelType, about, configSchema }: AnyFamily) {
  return { modelType, about, configSchema };
}

function featuresOf(family: AnyFamily): FeatureEncoder["features"] | undefined {
  if (family.kind !== "language") return (family as Encoder).classifier?.features;
  return family.image && ((builder, config) => meanOfImage(family, builder, config));
}

function meanOfImage(family: LanguageFamily, builder: GraphBuilder, config: unknown): Value {
  family.graphs(config).vision!(builder);
  const outputs = builder.takeOutputs();
  const named = (wanted: string) => outputs.find(({ name }) => name === wanted);
  const rows = named("vision_features") ?? named("visual_tokens")!;
  const flat = builder.root.reshape(rows, [-1, rows.shape.at(-1) as number]);
  return nn.meanOfRows(builder.root, flat);
}
