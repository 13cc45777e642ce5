/** Where the tokens of an answer looked, as the HTTP API sends it. */
import type { AnswerAttention } from "../core/runtime/portable.js";
import type { WireAttention, WireLook } from "../protocol/index.js";

type TokenLook = AnswerAttention["tokens"][number]["images"][number];

export function wireAttention({ numLayers, tokens }: AnswerAttention): Pick<WireAttention, "num_layers" | "tokens"> {
  return {
    num_layers: numLayers,
    tokens: tokens.map(({ text, images }) => ({ text, images: images.map(wireLook) })),
  };
}

function wireLook({ rows, columns, area, weights }: TokenLook): WireLook {
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0) || 1;
  const bytes = Uint8Array.from(weights, (weight) => Math.round((255 * weight) / largest));
  const share = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    ...{ rows, columns, area: [area.left, area.top, area.width, area.height] },
    share: Number(share.toFixed(6)),
    weights: base64(bytes),
  };
}

/** Arguments of one call: engines differ in how many they take. */
const charactersAtOnce = 2 ** 13;

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += charactersAtOnce)
    text += String.fromCharCode(...bytes.subarray(i, i + charactersAtOnce));
  return btoa(text);
}
