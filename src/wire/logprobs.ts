/** Tokens with their probabilities as OpenAI writes them. */
import { type ChatToken, type LanguageModel, type NamedToken, spellingOf } from "../core/runtime/portable.js";
import type { ContentLogprob } from "../protocol/index.js";

type Tokenizer = LanguageModel["tokenizer"];

/** @param tokenizer absent: the tokens are spelled */
export function wireTokens(tokens: readonly ChatToken[], tokenizer?: Tokenizer): ContentLogprob[] {
  return tokens.map(({ logprob = 0, topLogprobs = [], ...token }) => ({
    ...wireToken({ ...token, logprob }, tokenizer),
    top_logprobs: topLogprobs.map((top) => wireToken(top, tokenizer)),
  }));
}

function wireToken(
  { logprob, ...token }: NamedToken & { readonly logprob: number },
  tokenizer: Tokenizer,
): Omit<ContentLogprob, "top_logprobs"> {
  const { text, bytes } = spellingOf(token, tokenizer);
  // JSON has no infinity; OpenAI's documented stand-in for "next to impossible" is -9999.
  return { token: text, logprob: Math.max(logprob, -9999), bytes: bytes ? [...bytes] : null };
}
