/**
 * keras_mobilenet_v2: MobileNetV2 as a classifier, from a Keras checkpoint whose norms are folded into the convolutions.
 *
 *   picture 224² in [0, 1] ─ Conv1 ─ 17 blocks ─ Conv_1 ─ mean over places ─ dense_1 ─ dense_2 ─ dense_3 ─→ logits
 *   block: [1×1 expand, relu6] ─ 3×3 depthwise, relu6 ─ 1×1 project ─ (+ x, where nothing has changed its size)
 *
 * Not transformers' mobilenet_v2, which spells and pads otherwise. Sources: Sandler et al. 2018, Table 2; keras_applications
 * mobilenet_v2.py (names, padding). Made by src/guardrails/detectors/nsfw.ts.
 */
import { z } from "zod";
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import * as nn from "../nn/index.js";
import { parseConfig } from "./config.js";
import type { ClassifierFamily } from "./family.js";
import { partsOf } from "./names.js";
import { pixelInputs } from "./towers.js";

const configSchema = z.object({
  model_type: z.literal("keras_mobilenet_v2"),
  labels: z.array(z.string().min(1)).min(2).max(1000), // ImageNet's
});
type Config = z.infer<typeof configSchema>;

const side = 224;

/** Expansion, channels, repeats, stride of the first. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

function build(builder: GraphBuilder, { labels }: Config): void {
  const { root } = builder;
  const pixels = builder.input("pixel_values", "f32", [1, 3 * side * side]);
  let x = root.reshape(pixels, [1, 3, side, side]);
  x = nn.relu6(root, nn.convolution(root, "Conv1", x, { filters: 32, kernel: 3, stride: 2 }));
  let n = 0;
  for (const [expansion, channels, repeats, stride] of stages)
    for (let i = 0; i < repeats; i++) x = block(root, n++, x, { expansion, channels, stride: i === 0 ? stride : 1 });
  x = nn.relu6(root, nn.convolution(root, "Conv_1", x, { filters: 1280, kernel: 1, stride: 1 }));
  x = root.reshape(root.op("GlobalAveragePool", [x]), [1, 1280]);
  x = root.op("Relu", [nn.linear(root, "dense_1", x, 256, { bias: true })]);
  x = root.op("Relu", [nn.linear(root, "dense_2", x, 128, { bias: true })]);
  builder.output("logits", nn.linear(root, "dense_3", x, labels.length, { bias: true }));
}

function block(
  root: Scope,
  n: number,
  x: Value,
  { expansion, channels, stride }: { expansion: number; channels: number; stride: number },
): Value {
  const scope = root.at(n === 0 ? "expanded_conv" : `block_${n}`);
  const wide = (x.shape[1] as number) * expansion;
  const expanded =
    expansion === 1 ? x : nn.relu6(scope, nn.convolution(scope, "expand", x, { filters: wide, kernel: 1, stride: 1 }));
  const deep = { filters: wide, kernel: 3, stride, depthwise: true };
  const mixed = nn.relu6(scope, nn.convolution(scope, "depthwise", expanded, deep));
  const narrow = nn.convolution(scope, "project", mixed, { filters: channels, kernel: 1, stride: 1 });
  return stride === 1 && x.shape[1] === channels ? scope.op("Add", [x, narrow]) : narrow;
}

export const kerasMobilenetV2: ClassifierFamily<Config> = {
  kind: "classifier",
  modelType: "keras_mobilenet_v2",
  about: { title: "MobileNetV2 of the nsfw guardrail, made from nsfwjs", repositories: [] },
  configSchema,
  parseConfig: (json) => parseConfig(configSchema, json, "config.json"),
  canonicalName: (name) => name,
  parts: partsOf(["dense_", "head"], ["", "vision"]),
  graphs: (config) => ({ vision: (builder) => build(builder, config) }),
  labels: ({ labels }) => labels,
  inputs: pixelInputs,
  imageProcessor: () => ({
    kind: "stretch",
    resample: "align_corners",
    width: side,
    height: side,
    patchSize: side,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  }),
};
