/**
 * The error for a `model_type` that is not supported. It names what is nearest by kind: a type that only looks alike in spelling, such as
 * llama for llava, helps no one. The kind is read from the config where it shows there, else from a few well-known names.
 */
import { OcellusError, shorten } from "../base/index.js";
import { type FamilyKind, familyKinds, kindOfFamily } from "./abilities.js";
import type { AnyFamily } from "./family.js";

/** Types whose configs may not show what they are: remote code, old layouts, or only a name. */
const knownKinds: Readonly<Record<FamilyKind, readonly string[]>> = {
  vision_language: [
    ...["llava", "llava_next", "llava_next_video", "llava_onevision", "llava_llama", "vipllava", "bunny-llama"],
    ...["blip-2", "instructblip", "florence2", "fuyu", "internvl_chat", "kimi_vl", "minicpmo", "mllama", "moondream1"],
    ...["deepseek_vl_v2", "dots_ocr", "paligemma", "phi3_v", "phi4mm", "qwen"],
  ],
  text: ["gemma", "gemma2", "gpt2", "gpt_neox", "mistral", "mixtral", "phi", "phi3", "qwen2", "qwen2_moe"],
  dual_encoder: ["align", "altclip", "blip", "chinese_clip", "jina_clip", "metaclip_2", "open_clip"],
  image_encoder: ["dinov3_vit", "ijepa", "vit_mae"],
  classifier: ["beit", "convnext", "convnextv2", "deit", "efficientnet", "mobilenet_v2", "resnet", "swin", "swinv2"],
};

/** Fields by which a config shows a vision part. */
const visionFields = ["vision_config", "mm_vision_tower", "vision_tower", "img_processor", "image_token_id"];

type Json = Readonly<Record<string, unknown>>;

function kindOfConfig(json: Json): FamilyKind | undefined {
  const [architecture] = Array.isArray(json.architectures) ? (json.architectures as unknown[]) : [];
  const name = typeof architecture === "string" ? architecture : "";
  if (name.endsWith("ForImageClassification")) return "classifier";
  const writes = /(?:ForConditionalGeneration|ForCausalLM|LMHeadModel)$/.test(name);
  if (visionFields.some((field) => json[field] != null)) {
    const isPair = json.text_config != null && json.logit_scale_init_value != null;
    return isPair && !writes ? "dual_encoder" : "vision_language";
  }
  const known = Object.entries(knownKinds).find(([, types]) => types.includes(String(json.model_type)));
  if (known) return known[0] as FamilyKind;
  return name.endsWith("ForCausalLM") || name.endsWith("LMHeadModel") ? "text" : undefined;
}

const letters = (type: string) => type.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** A family of that kind (of any, where it is unknown) whose type is spelt with other marks, or whose line the type continues. */
function relativeOf(type: string, kind: FamilyKind | undefined, families: readonly AnyFamily[]): string | undefined {
  const types = families.filter((f) => kind === undefined || kindOfFamily(f) === kind).map((f) => f.modelType);
  const continued = types.filter((own) => type.startsWith(`${own}_`)).sort((a, b) => b.length - a.length);
  return types.find((own) => letters(own) === letters(type)) ?? continued[0];
}

/** @param json config.json, whose model_type is none of the families' */
export function unsupportedType(json: unknown, families: readonly AnyFamily[]): OcellusError {
  const config = (typeof json === "object" && json !== null ? json : {}) as Json;
  const found = config.model_type;
  const kind = kindOfConfig(config);
  const supported = families.map((f) => f.modelType);
  const relative = typeof found === "string" ? relativeOf(found.slice(0, 100), kind, families) : undefined;
  const ofKind = families.filter((f) => kindOfFamily(f) === kind).map((f) => f.modelType);
  const named = found === undefined ? "there is no model_type" : `model_type ${shorten(JSON.stringify(found))}`;
  const nearest = relative === undefined ? "no close relative is" : `nearest: ${relative}`;
  const known = kind === undefined ? "" : `supported ${familyKinds[kind]}: ${ofKind.join(", ")}; `; // all are in details
  const next = "`ocellus families` lists what each can do";
  return new OcellusError(
    "unsupported",
    found === undefined
      ? `config.json: ${named}, so its family is not known; take the checkpoint's original config.json; ${next}`
      : `config.json: ${named} is not supported; ${nearest}; ${known}${next}`,
    { details: { found, kind, nearest: relative, supported } },
  );
}
