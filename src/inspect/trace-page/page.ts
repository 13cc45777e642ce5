/**
 * A trace as one HTML file that needs no other: the answer by probability, the picture with what its queries looked at,
 * the time of each stage.
 */
import type { QueryAttention, Trace, TraceCandidate } from "../../core/runtime/index.js";
import { pageDocument, rounded } from "../page/document.js";
import type { TraceData } from "../page/page-data.js";

export interface TracePageInfo {
  readonly question: string;
  /** Of each picture of the trace, a `data:` URL that a browser can show. */
  readonly images: readonly string[];
  /** What answered, in a few words: its name, format and device. */
  readonly model: string;
}

/** The whole page. */
export function tracePage(trace: Trace, facts: TracePageInfo): string {
  const title = `${facts.question} · Ocellus trace`;
  const data = pageData(trace, facts);
  return pageDocument({ kind: "trace", title, heading: facts.question, facts: facts.model, data });
}

function pageData({ tokens, stages, images }: Trace, facts: TracePageInfo): TraceData {
  const candidate = ({ tokenId, text, probability }: TraceCandidate) => ({ id: tokenId, text, p: probability });
  return {
    stages,
    tokens: tokens.map((token) => ({
      ...candidate(token),
      special: /^<\|.*\|>$/.test(token.text),
      alternatives: token.alternatives.map(candidate),
      ms: token.ms,
    })),
    images: images.map(({ grid, numTokens, known, attention }, i) => ({
      ...{ source: facts.images[i] ?? "", grid, numTokens, known },
      layers: attention.map((layer) => patchMaps(layer, grid.rows * grid.columns)),
    })),
  };
}

/** Of each query the mean over the heads of what it gave each patch: [numQueries][numPatches]. */
function patchMaps({ numHeads, numQueries, numKeys, probabilities }: QueryAttention, numPatches: number): number[][] {
  const at = (head: number, query: number, key: number) => probabilities[(head * numQueries + query) * numKeys + key]!;
  return Array.from({ length: numQueries }, (_, query) =>
    Array.from({ length: numPatches }, (_, patch) => {
      let sum = 0;
      for (let head = 0; head < numHeads; head++) sum += at(head, query, patch);
      return rounded(sum / numHeads);
    }),
  );
}
