/**
 * Where in a model a tensor stands, told from its name: the part (a family of ours says it; of a stranger's checkpoint the
 * words of published families tell, all of which stand here, and a name that says nothing is "other"), the layer of its stack, and what it is in
 * every layer.
 */

import type { AnyFamily, Part } from "../core/models/index.js";

/** In the order of the data: from the picture to the next token. */
export const partKinds = ["vision", "connector", "embedding", "text", "decoder", "head", "other"] as const;
export type PartKind = Part | "other";

export interface Place {
  readonly part: PartKind;
  /** Name before the layer's number, such as `language_model.layers`; the module's own path where there is none. */
  readonly stack: string;
  readonly layer?: number;
  /** The name behind the layer's number: equal for the same tensor of every layer. */
  readonly kind: string;
}

const connectorWords =
  "perceiver_resampler|resampler|merger|deepstack_merger_list|multi_modal_projector|mm_projector|connector|projector|aligner|visual_projection|text_projection|abstractor|qformer|logit_scale|logit_bias";
const visionWords = "visual|vision_tower|vision_model|vision_encoder|vision_backbone|image_encoder|vit|patch_embed";
const embeddingWords =
  "embed_tokens|embed_positions|embed_in|wte|wpe|word_embeddings|tok_embeddings|token_embedding|position_embedding|position_embeddings|embeddings";
const word = (words: string) => new RegExp(`(^|\\.)(${words})(\\.|$)`);

/** The first that matches decides. */
const partPatterns: readonly (readonly [PartKind, RegExp])[] = [
  ["connector", word(connectorWords)],
  ["vision", word(visionWords)],
  ["text", /(^|\.)text_model\.(encoder|embeddings|final_layer_norm)\./], // clip; elsewhere text_model is the decoder
  ["head", /(^|\.)(lm_head|embed_out)(\.|$)|^(model\.)?output\.weight$/],
  ["embedding", word(embeddingWords)],
  ["decoder", /(^|\.)(layers|h|blocks|layer)\.\d+\.|(^|\.)(norm|ln_f|final_layernorm|final_norm)\.(weight|bias)$/],
];

/** The table of a text encoder's. */
export const textTable = /(^|\.)token_embedding\.weight$/;
/** The table of a decoder's token embeddings, and the matrix of its output head. */
export const tokenTable = /(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.weight$/;
export const headMatrix = /(^|\.)(lm_head|embed_out)\.weight$|^(model\.)?output\.weight$/;

export function placeOf(name: string): Place {
  const part = partPatterns.find(([, pattern]) => pattern.test(name))?.[0] ?? "other";
  const layered = /^(.*?)\.(\d+)\.(?=.)/s.exec(name);
  if (layered) return { part, stack: layered[1]!, layer: Number(layered[2]), kind: name.slice(layered[0].length) };
  const dot = name.lastIndexOf(".");
  return { part, stack: name.slice(0, Math.max(0, dot)), kind: name.slice(dot + 1) };
}

/** The part of each tensor of a checkpoint, by the name that it has there. */
export function partTeller(family: Pick<AnyFamily, "canonicalName" | "parts"> | undefined): (name: string) => PartKind {
  return family ? (name) => family.parts(family.canonicalName(name)) : (name) => placeOf(name).part;
}

/** What people call the part; a connector goes by its own name. */
export function partTitle(part: PartKind, names: Iterable<string>): string {
  if (part === "connector") return connectorTitle(names);
  const titles = {
    vision: "vision tower",
    embedding: "embeddings",
    text: "text tower",
    decoder: "decoder",
    head: "head",
    other: "other",
  } as const;
  return titles[part];
}

function connectorTitle(names: Iterable<string>): string {
  for (const name of names) {
    const found = word(connectorWords).exec(name)?.[2];
    if (found)
      return /resampler|qformer|abstractor/.test(found) ? "resampler" : /merger/.test(found) ? "merger" : "projector";
  }
  return "projector";
}
