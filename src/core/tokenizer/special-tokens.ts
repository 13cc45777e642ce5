/**
 * Which special token a text spells, found without tokenising: in the text as it came, or as it is normalised, since the library takes
 * both for added tokens, each in other places. So more may be found than `encode` makes, never less.
 */
import type { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";

export function specialTokenFinder(
  { normalizer }: LibraryTokenizer,
  specialTokens: Iterable<string>,
): (text: string) => string | undefined {
  const normalise = (text: string) => (normalizer ? normalizer.normalize(text) : text);
  const raw = finder([...specialTokens].map((token) => [token, token]));
  const normalised = normalizer && finder([...specialTokens].map((token) => [normalise(token), token]));
  return (text) => {
    const form = normalise(text);
    return raw(text) ?? raw(form) ?? normalised?.(form);
  };
}

/** Alternatives of plain text in one regular expression: linear. */
function finder(spellings: readonly (readonly [spelling: string, token: string])[]) {
  const tokens = new Map(spellings.filter(([spelling]) => spelling !== ""));
  if (tokens.size === 0) return () => undefined;
  const pattern = new RegExp([...tokens.keys()].map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"));
  return (text: string) => tokens.get(pattern.exec(text)?.[0] ?? "");
}
