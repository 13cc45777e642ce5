/** A trace of two pictures, small enough to be checked by hand: one with queries, one without. */
import type { Trace } from "../../src/core/runtime/index.js";

/** Must not become more than text. */
export const evil = `</script><img src=x onerror="window.broken=1"><b>&amp;`;
/** A picture. */
export const dot = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/** Two layers, two heads, two queries over 2 × 2 patches: query q of layer n looks at patch q + n, with both heads. */
function attention(layer: number) {
  const row = (query: number) => Array.from({ length: 6 }, (_, key) => (key === query + layer ? 0.75 : 0.05));
  const head = [...row(0), ...row(1)];
  return {
    node: `layers.${layer}`,
    numHeads: 2,
    numQueries: 2,
    numKeys: 6,
    probabilities: Float32Array.from([...head, ...head]),
  };
}

const token = (tokenId: number, text: string, probability: number) => ({
  tokenId,
  text,
  probability,
  alternatives: [{ tokenId: 9, text: evil, probability: (1 - probability) / 2 }],
  ms: 3,
});

export const trace: Trace = {
  text: `A red ${evil}`,
  tokens: [token(1, "A", 0.99), token(2, " red", 0.4), token(3, evil, 0.9), token(4, "<|im_end|>", 1)],
  finishReason: "stop",
  usage: { promptTokens: 40, cachedTokens: 0, completionTokens: 4 },
  images: [
    { digest: "0", grid: { rows: 2, columns: 2 }, numTokens: 2, known: false, attention: [attention(0), attention(1)] },
    { digest: "1", grid: { rows: 4, columns: 6 }, numTokens: 6, known: false, attention: [] },
  ],
  stages: { readMs: 10, visionMs: 20, prefillMs: 3, decodeMs: 9 },
};
