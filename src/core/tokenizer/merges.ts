/**
 * Byte-pair merging [Sennrich et al. 2016, https://arxiv.org/abs/1508.07909] in n log n steps of numbers: the pair of lowest
 * rank merges first, of equal ones the leftmost. It takes the place of the library's own, which spells each pair as JSON
 * and needs several times as long (docs/log.md); its tokens are the same (merges.test.ts, and the golden files).
 */

/** What we use of the library's BPE model; its types do not show it. */
export interface BpeModel {
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
  readonly end_of_word_suffix?: string | null;
  readonly continuing_subword_suffix?: string | null;
}

/** Ids are below 2^24 (files.ts): a pair is one exact number. */
const pairBase = 2 ** 24;
/** A rank and a position in one exact number, in the order in which merges happen: words are shorter than 2^28, ranks than 2^24. */
const positionBase = 2 ** 28;

/** The tokens of a word; undefined for models whose merges make tokens that are not in the vocabulary. */
export function createMerger(model: BpeModel): ((word: string) => string[]) | undefined {
  const { tokens_to_ids: ids, merges, end_of_word_suffix: suffix } = model;
  if (model.continuing_subword_suffix) return undefined;
  const ranks = new Map<number, number>();
  const mergedIds = new Int32Array(merges.length);
  const merged: string[] = [];
  for (const [rank, [left, right]] of merges.entries()) {
    const [leftId, rightId, mergedId] = [ids.get(left), ids.get(right), ids.get(left + right)];
    if (leftId === undefined || rightId === undefined || mergedId === undefined) return undefined;
    ranks.set(leftId * pairBase + rightId, rank);
    mergedIds[rank] = mergedId;
    merged.push(left + right);
  }
  const rankOf = (left: number, right: number) =>
    left < 0 || right < 0 ? -1 : (ranks.get(left * pairBase + right) ?? -1);

  return (word) => {
    const tokens = Array.from(word);
    if (suffix) tokens[tokens.length - 1] += suffix;
    if (tokens.length < 2) return tokens;
    const symbols = tokens.map((token) => ids.get(token) ?? -1);
    const next = symbols.map((_, i) => i + 1);
    const previous = symbols.map((_, i) => i - 1);
    /** Rank of each symbol with its right neighbour; -1: none, or the symbol is gone. */
    const pairRanks = symbols.map((_, i) => (i + 1 < symbols.length ? rankOf(symbols[i]!, symbols[i + 1]!) : -1));
    const queue = new MinHeap();
    for (const [at, rank] of pairRanks.entries()) if (rank >= 0) queue.push(rank * positionBase + at);
    const update = (at: number) => {
      const right = next[at]!;
      const rank = right < symbols.length ? rankOf(symbols[at]!, symbols[right]!) : -1;
      pairRanks[at] = rank;
      if (rank >= 0) queue.push(rank * positionBase + at);
    };
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      const at = key % positionBase;
      const rank = (key - at) / positionBase;
      if (pairRanks[at] !== rank) continue; // it has merged otherwise since
      const right = next[at]!;
      symbols[at] = mergedIds[rank]!;
      tokens[at] = merged[rank]!;
      pairRanks[right] = -1;
      next[at] = next[right]!;
      if (next[at]! < symbols.length) previous[next[at]!] = at;
      update(at);
      if (previous[at]! >= 0) update(previous[at]!);
    }
    const result: string[] = [];
    for (let at = 0; at < symbols.length; at = next[at]!) result.push(tokens[at]!);
    return result;
  };
}

class MinHeap {
  readonly #keys: number[] = [];

  push(key: number): void {
    const keys = this.#keys;
    let at = keys.length;
    for (let above = (at - 1) >> 1; at > 0 && keys[above]! > key; above = (at - 1) >> 1) {
      keys[at] = keys[above]!;
      at = above;
    }
    keys[at] = key;
  }

  pop(): number | undefined {
    const keys = this.#keys;
    const [least, last] = [keys[0], keys.pop()];
    if (last === undefined || keys.length === 0) return least;
    let at = 0;
    for (let child = 1; child < keys.length; child = 2 * at + 1) {
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[at] = keys[child]!;
      at = child;
    }
    keys[at] = last;
    return least;
  }
}
