/**
 * What the decoder says of given tokens: logits before each of an answer ("teacher forcing"), or an output at the last one.
 * The first beside the running batch, in a cache of its own.
 */
import type { Graph } from "../backend/portable.js";
import { OcellusError } from "../base/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { PreparedChat } from "./chat.js";
import { checkNumbers } from "./finite.js";
import { DecoderRunner } from "./runner.js";

type LastRowRunner = Pick<DecoderRunner, "maxLength" | "begin" | "step" | "release">;

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
    const unread = { ...row, tokens: all.slice(numKnown, numRead), position: numKnown, numLogits: 0 };
    if (numKnown < numRead) await runner.step({ kind: "prefill", rows: [unread] });
    for (let position = numRead; position < all.length - 1; position++) {
      const next = { ...row, tokens: [all[position]!], position, numLogits: 1 };
      const [logits] = await runner.step({ kind: "decode", rows: [next] });
      yield logits!;
    }
  } finally {
    await runner.close();
  }
}

/**
 * At the last token of the prompt and of `more` ids behind it, by the model's own runner, whose slot 0 is free. Read as the engine
 * reads a prompt: in pieces, and its last token by a decode step, since a graph for prompts gives no rows.
 * @param check throws where reading is to end.
 * @throws `too_large`, `internal` for NaN.
 */
export async function lastRow(
  runner: LastRowRunner,
  { promptIds, inputs }: Pick<PreparedChat, "promptIds" | "inputs">,
  more: readonly number[],
  { prefillChunk, check }: { readonly prefillChunk: number; readonly check: () => void },
): Promise<Float32Array> {
  const tokens = [...promptIds, ...more];
  checkLength(tokens.length, runner.maxLength);
  const row = { slot: 0, payload: inputs };
  const last = tokens.length - 1;
  try {
    let position = runner.begin(0, tokens, inputs);
    while (position < last) {
      check();
      const end = Math.min(last, position + prefillChunk - (position % prefillChunk));
      const piece = { ...row, tokens: tokens.slice(position, end), position, numLogits: 0 };
      await runner.step({ kind: "prefill", rows: [piece] });
      position = end;
    }
    check();
    const [values] = await runner.step({
      kind: "decode",
      rows: [{ ...row, tokens: tokens.slice(last), position, numLogits: 1 }],
    });
    checkNumbers(values!, "the decoder's last row");
    return values!.slice();
  } finally {
    runner.release(0);
  }
}

function checkLength(numTokens: number, most: number): void {
  if (numTokens <= most) return;
  const message = `prompt and answer have ${numTokens} tokens, at most ${most} fit`;
  throw new OcellusError("too_large", message, { details: { tokens: numTokens, most } });
}
