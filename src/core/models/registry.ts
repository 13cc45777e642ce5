/** model_type → family. A new family is one file and one line here. */
import { nearestNames, OcellusError, shorten } from "../base/index.js";
import { clip } from "./clip.js";
import type { ClassifierFamily, DualEncoderFamily, ModelFamily } from "./family.js";
import { idefics3, smolvlm } from "./idefics3.js";
import { kerasMobilenetV2 } from "./keras_mobilenet_v2.js";
import { llama } from "./llama.js";
import { qwen25Vl } from "./qwen2_5_vl.js";
import { qwen2Vl } from "./qwen2_vl.js";
import { qwen3 } from "./qwen3.js";
import { qwen35 } from "./qwen3_5.js";
import { qwen35Text } from "./qwen3_5_text.js";
import { qwen3Vl } from "./qwen3_vl.js";
import { qwen3VlResampler } from "./qwen3_vl_resampler.js";
import { siglip } from "./siglip.js";
import { vit } from "./vit.js";

/** A family whose config type is its own business: made by `parseConfig`, handed back to the same family. */
// biome-ignore lint/suspicious/noExplicitAny: the existential type TypeScript cannot write
export type LanguageFamily = ModelFamily<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type DualEncoder = DualEncoderFamily<any>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Classifier = ClassifierFamily<any>;
export type AnyFamily = LanguageFamily | DualEncoder | Classifier;

export const families: readonly AnyFamily[] = [
  ...[clip, idefics3, kerasMobilenetV2, llama, qwen2Vl, qwen25Vl, qwen3, qwen35, qwen35Text, qwen3Vl, qwen3VlResampler],
  ...[siglip, smolvlm, vit],
];

/** The family that config.json names. @throws `unsupported` listing what is supported, and which of it is nearest by name. */
export function familyOf(configJson: unknown): AnyFamily {
  const modelType = (configJson as { model_type?: unknown } | null | undefined)?.model_type;
  const family = families.find((f) => f.modelType === modelType);
  if (family) return family;
  const supported = families.map((f) => f.modelType);
  const [nearest] = typeof modelType === "string" ? nearestNames(modelType, supported, 1) : [];
  const found = modelType === undefined ? "no model_type" : `model_type ${shorten(JSON.stringify(modelType))}`;
  const hint = nearest === undefined ? "" : `; nearest by name: ${nearest}`;
  throw new OcellusError("unsupported", `config.json: found ${found}${hint}; supported: ${supported.join(", ")}`, {
    details: { found: modelType, supported, nearest },
  });
}
