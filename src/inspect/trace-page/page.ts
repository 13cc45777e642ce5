/**
 * A trace as one HTML file that needs no other: the answer by probability, the picture with what its queries looked at,
 * the time of each stage. Works offline; its content policy allows its own script and nothing else, so that no text of a
 * question or an answer can become more than text.
 */
import { createHash } from "node:crypto";
import type { QueryAttention, Trace, TraceCandidate } from "../../runtime/index.js";
import { script } from "./script.js";
import { style } from "./style.js";

export interface TracePageFacts {
  readonly question: string;
  /** Of each picture of the trace, a `data:` URL that a browser can show. */
  readonly pictures: readonly string[];
  /** What answered, in a few words: its name, format and device. */
  readonly model: string;
}

/** The whole page. */
export function tracePage(trace: Trace, facts: TracePageFacts): string {
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${digest(script)}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeText(facts.question)} · Ocellus trace</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<div class="top">
<p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14.5" fill="#e7dcc3"/><circle cx="16" cy="16" r="10.5" fill="#0d6b66"/><circle cx="16" cy="16" r="5.2" fill="#14201f"/><circle cx="18.8" cy="13.2" r="1.7" fill="#fff"/></svg><span id="facts"></span></p>
<button type="button" class="theme" id="theme">Dark</button>
</div>
<h1 id="question"></h1>
<div id="answer"></div>
</header>
<div id="rest"></div>
<noscript><p>This page is drawn by its own script, which is switched off here.</p></noscript>
</main>
<script type="application/json" id="trace">${escapeJson(pageData(trace, facts))}</script>
<script>${script}</script>
</body>
</html>
`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON in which nothing can end the element that holds it. */
function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, "\\u003c");
}

function pageData({ tokens, stages, pictures }: Trace, facts: TracePageFacts) {
  const candidate = ({ tokenId, text, probability }: TraceCandidate) => ({ id: tokenId, text, p: probability });
  return {
    question: facts.question,
    facts: facts.model,
    stages,
    tokens: tokens.map((token) => ({
      ...candidate(token),
      special: /^<\|.*\|>$/.test(token.text),
      rivals: token.rivals.map(candidate),
      ms: token.ms,
    })),
    pictures: pictures.map(({ grid, numTokens, known, attention }, i) => ({
      ...{ source: facts.pictures[i] ?? "", grid, numTokens, known },
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
      return Number((sum / numHeads).toPrecision(4)); // more digits are not seen, and would double the page
    }),
  );
}
