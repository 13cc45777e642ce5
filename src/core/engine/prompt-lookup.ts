/**
 * Prompt lookup decoding: an answer that copies continues as the text did where its last tokens were said before, in the prompt
 * (earlier turns and retrieved pages included) or in the answer itself. [Saxena 2023; transformers' prompt_lookup_num_tokens]
 */
import type { Drafter, Guess, History } from "./speculation.js";

/** More in common says little more: transformers looks for 2, vLLM for 5 and less. */
const longestMatch = 4;
/** Tokens of a prompt that are looked through, its last: read at once, in some 20 ms, and kept in some 10 MB. */
export const maxRead = 32_768;
/** More than the ids of any vocabulary. */
const idsPerRun = 2 ** 22;

/** What stood behind the longest, and of those the latest, earlier place that ends as the sequence does. */
export class PromptLookup implements Drafter {
  /** By the tokens generated, the one array of a sequence. */
  readonly #places = new WeakMap<readonly number[], Places>();

  draft({ promptIds, generated }: History, most: number): Guess | undefined {
    const numPrompt = promptIds.length;
    const length = numPrompt + generated.length;
    const at = (i: number) => (i < numPrompt ? promptIds[i]! : generated[i - numPrompt]!);
    const places = this.#places.get(generated) ?? new Places(Math.max(0, numPrompt - maxRead));
    this.#places.set(generated, places);
    while (places.end < length) places.add(at(places.end));
    const { end, matched } = places.latest;
    if (matched === 0) return undefined;
    const tokens = Array.from({ length: Math.min(most, length - end) }, (_, i) => at(end + i));
    return { tokens, kind: `lookup ${matched}` };
  }
}

/** Where each run of up to `longestMatch` tokens last ended, in a text that grows: a step for each token, however long it is. */
class Places {
  /** Tokens are read from the start that is given up to here. */
  end: number;
  /** The end of the latest earlier place that ends as the text does, in `matched` tokens: the most that any place does. */
  latest = { end: 0, matched: 0 };
  /** Runs, numbered, by the run without its last token (0 is the empty one) and that token. */
  readonly #runs = new Map<number, number>();
  readonly #ends: number[] = [0];
  /** Runs of 0, 1, 2… tokens that end here. */
  #here: readonly number[] = [0];

  constructor(start: number) {
    this.end = start;
  }

  add(token: number): void {
    this.end++;
    this.latest = { end: 0, matched: 0 };
    const longer = this.#here.slice(0, longestMatch).map((shorter, i) => {
      const run = this.#run(shorter, token);
      const end = this.#ends[run];
      if (end !== undefined) this.latest = { end, matched: i + 1 };
      this.#ends[run] = this.end;
      return run;
    });
    this.#here = [0, ...longer];
  }

  #run(shorter: number, token: number): number {
    const key = shorter * idsPerRun + token;
    const run = this.#runs.get(key) ?? this.#runs.size + 1;
    this.#runs.set(key, run);
    return run;
  }
}
