/** model_type → family, and which view of it a config or a caller asks for. A new family is one file and one line here. */
import { OcellusError } from "../base/index.js";
import { clip } from "./clip.js";
import { dinov2, dinov2WithRegisters } from "./dinov2.js";
import type { AnyFamily, FamilyView } from "./family.js";
import { idefics2 } from "./idefics2.js";
import { idefics3, smolvlm } from "./idefics3.js";
import { internvl } from "./internvl.js";
import { kerasMobilenetV2 } from "./keras_mobilenet_v2.js";
import { llama } from "./llama.js";
import { minicpmv } from "./minicpmv.js";
import { minicpmOcr, minicpmv46 } from "./minicpmv4_6.js";
import { ocellusClassifier } from "./ocellus_classifier.js";
import { paddleocrVl } from "./paddleocr_vl.js";
import { qwen25Vl } from "./qwen2_5_vl.js";
import { qwen2Vl } from "./qwen2_vl.js";
import { qwen3 } from "./qwen3.js";
import { qwen35 } from "./qwen3_5.js";
import { qwen35Text } from "./qwen3_5_text.js";
import { qwen3Vl } from "./qwen3_vl.js";
import { qwen3VlResampler } from "./qwen3_vl_resampler.js";
import { siglip } from "./siglip.js";
import { siglip2 } from "./siglip2.js";
import { unsupportedType } from "./unsupported.js";
import { classifierOf, featureEncoderOf } from "./views.js";
import { vit } from "./vit.js";

const encoders: readonly AnyFamily[] = [
  ...[
    clip,
    dinov2,
    dinov2WithRegisters,
    idefics2,
    idefics3,
    internvl,
    kerasMobilenetV2,
    llama,
    minicpmOcr,
    minicpmv,
    minicpmv46,
    paddleocrVl,
    qwen2Vl,
    qwen25Vl,
    qwen3,
    qwen35,
    qwen35Text,
    qwen3Vl,
    qwen3VlResampler,
  ],
  ...[siglip, siglip2, smolvlm, vit],
];

export const families: readonly AnyFamily[] = [...encoders, ocellusClassifier(encoders)];

/**
 * The family that config.json names, in a view of it: by default a classifier where `architectures` names the class of one.
 * @throws `unsupported` with what is supported, and which of it is nearest in kind.
 */
export function familyOf(configJson: unknown, view: FamilyView = "classifier"): AnyFamily {
  const { model_type: modelType, architectures } = (configJson ?? {}) as Readonly<Record<string, unknown>>;
  const family = families.find((f) => f.modelType === modelType);
  if (!family) throw unsupportedType(configJson, families);
  if (view === "features") return featuresOf(family);
  const isClassifier = "classifier" in family && isNamed(family.classifier?.architecture, architectures);
  return (view === "classifier" && isClassifier && classifierOf(family)) || family;
}

function isNamed(architecture: string | undefined, architectures: unknown): boolean {
  return architecture !== undefined && Array.isArray(architectures) && architectures[0] === architecture;
}

function featuresOf(family: AnyFamily): AnyFamily {
  const encoder = featureEncoderOf(family);
  if (encoder) return encoder;
  const supported = families.filter((each) => featureEncoderOf(each)).map(({ modelType }) => modelType);
  throw new OcellusError(
    "unsupported",
    `${family.modelType} has no image encoder to put a head on; take one of ${supported.join(", ")}`,
    { details: { modelType: family.modelType, supported } },
  );
}
