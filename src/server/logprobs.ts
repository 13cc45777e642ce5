/** Tokens with their probabilities as OpenAI writes them. */

import type { ChatToken, LanguageModel } from "../core/runtime/index.js";
import type { ContentLogprob } from "../protocol/index.js";

type Tokenizer = LanguageModel["tokenizer"];

export function wireTokens(tokens: readonly ChatToken[], tokenizer: Tokenizer): ContentLogprob[] {
  return tokens.map(({ tokenId, logprob = 0, topLogprobs = [] }) => ({
    ...wireToken(tokenId, logprob, tokenizer),
    top_logprobs: topLogprobs.map((top) => wireToken(top.tokenId, top.logprob, tokenizer)),
  }));
}

function wireToken(id: number, logprob: number, tokenizer: Tokenizer): Omit<ContentLogprob, "top_logprobs"> {
  const bytes = tokenizer.bytesOf?.(id);
  const token = tokenizer.decode([id], { skipSpecialTokens: false });
  // JSON has no infinity; OpenAI's documented stand-in for "next to impossible" is -9999.
  return { token, logprob: Math.max(logprob, -9999), bytes: bytes ? [...bytes] : null };
}
