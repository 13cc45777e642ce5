/**
 * What the decoder says of given tokens: logits before each of an answer ("teacher forcing"), or an output at the last one.
 * Beside the running batch, in a cache of its own.
 */
import type { Graph } from "../backend/index.js";
import { OcellusError } from "../base/index.js";
import type { PackedModel } from "../pack/index.js";
import type { PreparedChat } from "./chat.js";
import { DecoderRunner, type RowOutput } from "./runner.js";

export interface ScoreParts {
  readonly packed: PackedModel;
  readonly decoder: Graph;
}

/** @throws `too_large` */
export async function* score(
  { packed, decoder }: ScoreParts,
  { promptIds, inputs }: PreparedChat,
  ids: readonly number[],
  limit: number,
): AsyncGenerator<Float32Array> {
  const maxLength = promptIds.length + ids.length;
  checkLength(maxLength, limit);
  const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength });
  try {
    const all = [...promptIds, ...ids];
    const numKnown = runner.begin(0, all.slice(0, promptIds.length), inputs); // images in there have no features in `inputs`
    const numRead = promptIds.length - 1; // as the engine reads a prompt: its last token is the first decode step's
    const row = { slot: 0, payload: inputs };
    const unread = { ...row, tokens: all.slice(numKnown, numRead), position: numKnown, wantsLogits: false };
    if (numKnown < numRead) await runner.step({ kind: "prefill", rows: [unread] });
    for (let position = numRead; position < all.length - 1; position++) {
      const next = { ...row, tokens: [all[position]!], position, wantsLogits: true };
      const [logits] = await runner.step({ kind: "decode", rows: [next] });
      yield logits!;
    }
  } finally {
    await runner.close();
  }
}

/** At the last token of the prompt and of `more` ids behind it. @throws `too_large` */
export async function lastRow(
  { packed, decoder }: ScoreParts,
  { promptIds, inputs }: PreparedChat,
  more: readonly number[],
  { limit, output }: { readonly limit: number; readonly output: RowOutput | undefined },
): Promise<Float32Array> {
  const tokens = [...promptIds, ...more];
  checkLength(tokens.length, limit);
  const maxLength = tokens.length + 1; // the runner reads an even number
  const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength, output });
  try {
    const position = runner.begin(0, tokens, inputs);
    const row = { slot: 0, tokens: tokens.slice(position), position, payload: inputs, wantsLogits: true };
    const [last] = await runner.step({ kind: "prefill", rows: [row] });
    return last!.slice();
  } finally {
    await runner.close();
  }
}

function checkLength(numTokens: number, most: number): void {
  if (numTokens <= most) return;
  const message = `prompt and answer have ${numTokens} tokens, at most ${most} fit`;
  throw new OcellusError("too_large", message, { details: { tokens: numTokens, most } });
}
