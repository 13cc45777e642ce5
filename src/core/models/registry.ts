/** model_type → family. A new family is one file and one line here. */
import { clip } from "./clip.js";
import { dinov2, dinov2WithRegisters } from "./dinov2.js";
import type { AnyFamily } from "./family.js";
import { idefics2 } from "./idefics2.js";
import { idefics3, smolvlm } from "./idefics3.js";
import { internvl } from "./internvl.js";
import { kerasMobilenetV2 } from "./keras_mobilenet_v2.js";
import { llama } from "./llama.js";
import { minicpmv } from "./minicpmv.js";
import { minicpmOcr, minicpmv46 } from "./minicpmv4_6.js";
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
import { vit } from "./vit.js";

export const families: readonly AnyFamily[] = [
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

/** The family that config.json names. @throws `unsupported` with what is supported, and which of it is nearest in kind. */
export function familyOf(configJson: unknown): AnyFamily {
  const modelType = (configJson as { model_type?: unknown } | null | undefined)?.model_type;
  const family = families.find((f) => f.modelType === modelType);
  if (family) return family;
  throw unsupportedType(configJson, families);
}
