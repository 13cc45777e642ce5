/**
 * A small model that drafts for a large one of the same tokenizer, token by token in its own cache. It reads the text of a prompt:
 * its hidden size is another than the large one's, so the images' features mean nothing to it, and their tokens are left out.
 * [Leviathan et al. 2023, Chen et al. 2023; drafts are verified exactly here, not by probability]
 */
import type { AskedDraft, DraftModel } from "../engine/index.js";
import { indexPositions } from "../models/index.js";
import type { DecoderRunner } from "./runner.js";
import type { SequenceInputs } from "./sequence-inputs.js";

/** Tokens of prompt that are read at once; the large model's answers wait meanwhile. */
const promptChunk = 256;

const payload: SequenceInputs = { images: [], positions: indexPositions };

interface Drafted {
  readonly slot: number;
  /** All that the draft follows. */
  readonly ids: readonly number[];
  most: number;
  readonly tokens: number[];
}

export class DraftDecoder implements DraftModel {
  readonly #runner: DecoderRunner;
  /** Tokens that both models know, and that stand for text. */
  readonly #isText: (id: number) => boolean;
  readonly #close: () => Promise<void>;
  /** What each slot has read. */
  readonly #read: number[][];

  constructor(runner: DecoderRunner, isText: (id: number) => boolean, close: () => Promise<void>) {
    this.#runner = runner;
    this.#isText = isText;
    this.#close = close;
    this.#read = Array.from({ length: runner.numSlots }, () => []);
  }

  async draft(asked: readonly AskedDraft[]) {
    const all: Drafted[] = asked.map(({ slot, promptIds, generated, most }) => {
      const ids = [...promptIds, ...generated].filter(this.#isText);
      return { slot, ids, tokens: [], most: Math.min(most, this.#runner.maxLength - ids.length) };
    });
    const ready: Drafted[] = [];
    for (const each of all) if (each.most > 0 && each.ids.length > 0 && (await this.#catchUp(each))) ready.push(each);
    const started = performance.now();
    let numSteps = 0;
    for (let open = ready; open.length > 0; numSteps++) {
      await this.#step(open);
      open = open.filter(({ tokens, most }) => tokens.length < most);
    }
    const stepMs = numSteps === 0 ? 0 : (performance.now() - started) / numSteps;
    return { tokens: all.map(({ tokens }) => tokens), stepMs };
  }

  async close(): Promise<void> {
    await this.#runner.close();
    await this.#close();
  }

  /** Reads what is new but for the few tokens that the first step takes; false while there is more than a chunk of it. */
  async #catchUp({ slot, ids }: Drafted): Promise<boolean> {
    const read = this.#read[slot]!;
    const differs = read.findIndex((id, i) => id !== ids[i]);
    read.length = Math.min(differs < 0 ? read.length : differs, ids.length - 1);
    if (ids.length - read.length <= this.#runner.maxRun) return true;
    const position = read.length;
    const tokens = ids.slice(position, Math.min(position + promptChunk, ids.length - 1));
    await this.#runner.step({ kind: "prefill", rows: [{ slot, tokens, position, payload, numLogits: 0 }] });
    read.push(...tokens);
    return read.length === ids.length - 1;
  }

  /** The likeliest next token of each. */
  async #step(drafts: readonly Drafted[]): Promise<void> {
    const ordered = [...drafts].sort((a, b) => a.slot - b.slot);
    const rows = ordered.map(({ slot, ids, tokens: drafted }) => {
      const position = this.#read[slot]!.length;
      return { slot, tokens: [...ids, ...drafted].slice(position), position, payload, numLogits: 1 };
    });
    const logits = await this.#runner.step({ kind: "decode", rows });
    for (const [i, draft] of ordered.entries()) {
      this.#read[draft.slot]!.push(...rows[i]!.tokens);
      const next = largest(logits[i]!);
      if (this.#isText(next)) draft.tokens.push(next);
      else draft.most = draft.tokens.length; // it has no more to say
    }
  }
}

function largest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}
