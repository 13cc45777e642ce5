/**
 * ocellus_classifier: a classifier whose head has no class in transformers: two layers, or behind the image encoder of a model that
 * answers. A format of our own, made by `ocellus tune head`; its model_type keeps other programs from opening the encoder alone
 * with a head of random numbers.
 *
 *   image ─ encoder ─ features ─ [hidden ─ tanh] ─ classifier ─→ logits
 */
import { z } from "zod";
import type { GraphBuilder } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { parseConfig, size } from "./config.js";
import type { AnyFamily, ClassifierFamily } from "./family.js";
import { commonFields } from "./fields.js";
import { labelFields, labelsOf } from "./labels.js";
import { unsupportedType } from "./unsupported.js";
import { type FeatureEncoder, featureEncoderOf } from "./views.js";

const configSchema = z.object({
  ...commonFields,
  /** config.json of the checkpoint that the encoder is from. */
  encoder: z.looseObject({ model_type: z.string() }),
  /** Of the hidden layer. Absent: there is none. */
  head_width: size.optional(),
  ...labelFields,
});

interface Config {
  readonly encoder: FeatureEncoder;
  readonly inner: unknown;
  readonly width: number | undefined;
  readonly labels: readonly string[];
}

function build(builder: GraphBuilder, { encoder, inner, width, labels }: Config): void {
  const { root } = builder;
  let row = encoder.features(builder, inner);
  if (width !== undefined) row = root.op("Tanh", [nn.linear(root, "hidden", row, width, { bias: true })]);
  builder.output("logits", nn.linear(root, "classifier", row, labels.length, { bias: true }));
}

/** @param families those of encoders. */
export function ocellusClassifier(families: readonly AnyFamily[]): ClassifierFamily<Config> {
  const encoderOf = (json: { readonly model_type: string }): FeatureEncoder => {
    const family = families.find(({ modelType }) => modelType === json.model_type);
    const encoder = family && featureEncoderOf(family);
    if (!encoder) throw unsupportedType(json, families);
    return encoder;
  };
  return {
    kind: "classifier",
    modelType: "ocellus_classifier",
    about: {
      title: "image classifiers made by `ocellus tune head`: two layers, or over a model that answers",
      repositories: [],
    },
    configSchema: configSchema as unknown as z.ZodType<Config>, // parseConfig gives more than the fields
    parseConfig(json) {
      const { encoder: encoderConfig, head_width: width, ...labelled } = parseConfig(configSchema, json, "config.json");
      const encoder = encoderOf(encoderConfig);
      return { encoder, inner: encoder.parseConfig(encoderConfig), width, labels: labelsOf(labelled) };
    },
    canonicalName: (name) => name,
    parts: (name) => (/^(?:hidden|classifier)\./.test(name) ? "head" : "vision"),
    graphs: (config) => ({ vision: (builder) => build(builder, config) }),
    labels: ({ labels }) => labels,
    imageProcessor: ({ encoder, inner }, processorConfig) => encoder.imageProcessor(inner, processorConfig),
    inputs: ({ encoder, inner }, pixels) => encoder.inputs(inner, pixels),
  };
}
