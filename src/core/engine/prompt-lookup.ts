/**
 * Prompt lookup decoding: an answer that copies goes on as the text did where its last tokens were said before, in the prompt
 * (earlier turns and retrieved pages included) or in the answer itself. [Saxena 2023; transformers' prompt_lookup_num_tokens]
 */
import type { Drafter, Guess, History } from "./speculation.js";

/** More in common says little more: transformers looks for 2, vLLM for 5 and less. */
const longestMatch = 4;

/** What stood behind the longest, and of those the latest, earlier place that ends as the sequence does. */
export class PromptLookup implements Drafter {
  draft({ promptIds, generated }: History, most: number): Guess | undefined {
    const numPrompt = promptIds.length;
    const length = numPrompt + generated.length;
    const at = (i: number) => (i < numPrompt ? promptIds[i] : generated[i - numPrompt]);
    let best = { length: 0, end: 0 };
    for (let end = length - 1; end > 0 && best.length < longestMatch; end--) {
      let match = 0;
      while (match < longestMatch && match < end && at(end - 1 - match) === at(length - 1 - match)) match++;
      if (match > best.length) best = { length: match, end };
    }
    if (best.length === 0) return undefined;
    const tokens = Array.from({ length: Math.min(most, length - best.end) }, (_, i) => at(best.end + i)!);
    return { tokens, kind: `lookup ${best.length}` };
  }
}
