/** What a decoder graph is fed beside its cache: embeddings and rotary angles of a step's tokens, and where runs of them stand. */
import { type Feeds, float32, int32, int64 } from "../backend/portable.js";
import type { Row } from "../engine/index.js";
import type { ModelDimensions } from "../models/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { PlacedImage, SequenceInputs } from "./sequence-inputs.js";

type DecoderRow = Row<SequenceInputs>;

/** Embeddings and angles, right-padded to [rows, sequence]; what the padding holds is never read by a real token. */
export async function tokenInputs(
  model: PackedModel,
  { hiddenSize }: ModelDimensions,
  rows: readonly DecoderRow[],
  sequence: number,
): Promise<Feeds> {
  const angles = rows.map(({ position, tokens, payload }) =>
    model.family.rotary(model.config, { start: position, count: tokens.length, positions: payload.positions }),
  );
  const busy = rows.findIndex(({ tokens }) => tokens.length > 0); // not an idle one
  const half = angles[busy]!.cos.length / rows[busy]!.tokens.length;
  const numTokens = rows.length * sequence;
  const embeds = new Float32Array(numTokens * hiddenSize);
  const deepstack = Array.from(
    { length: model.family.numDeepstack(model.config) },
    () => new Float32Array(numTokens * hiddenSize), // zero where there is no picture
  );
  const cos = new Float32Array(numTokens * half);
  const sin = new Float32Array(numTokens * half);
  for (const [b, row] of rows.entries()) {
    await model.embedding.read(row.tokens, embeds, b * sequence * hiddenSize);
    placeVisual(row, embeds, b * sequence, hiddenSize, (image) => image.tokens);
    for (const [n, layer] of deepstack.entries())
      placeVisual(row, layer, b * sequence, hiddenSize, (image) => image.deepstack[n]!);
    cos.set(angles[b]!.cos, b * sequence * half);
    sin.set(angles[b]!.sin, b * sequence * half);
  }
  const shape = [rows.length, sequence, hiddenSize];
  return {
    ...Object.fromEntries(deepstack.map((layer, n) => [`deepstack.${n}`, float32(layer, shape)])),
    inputs_embeds: float32(embeds, shape),
    cos: float32(cos, [numTokens, half]),
    sin: float32(sin, [numTokens, half]),
    position_ids: int64(
      Array.from({ length: numTokens }, (_, i) => i),
      [rows.length, sequence],
    ),
  };
}

/** Writes the part of each picture that is in this row's tokens; `firstToken` is the row's place in `out`. */
function placeVisual(
  row: DecoderRow,
  out: Float32Array,
  firstToken: number,
  hiddenSize: number,
  featuresOf: (image: PlacedImage) => Float32Array,
): void {
  const end = row.position + row.tokens.length;
  for (const image of row.payload.images) {
    const from = Math.max(image.start, row.position);
    const to = Math.min(image.start + image.numTokens, end);
    if (from >= to) continue;
    const features = featuresOf(image).subarray((from - image.start) * hiddenSize, (to - image.start) * hiddenSize);
    out.set(features, (firstToken + from - row.position) * hiddenSize);
  }
}

/** A row of one token for each token of runs. */
export function singleTokens(runs: readonly DecoderRow[]): DecoderRow[] {
  return runs.flatMap((run) =>
    run.tokens.map((token, i) => ({
      ...run,
      tokens: [token],
      position: run.position + i,
      numLogits: Number(i >= run.tokens.length - run.numLogits),
    })),
  );
}

/** Where the tokens of runs stand, run by run (graph/token-runs.ts); one without tokens is an idle slot. */
export function runInputs(runs: readonly DecoderRow[]): Feeds {
  const steps = Math.max(...runs.map(({ tokens }) => tokens.length));
  const at = (i: number, { tokens }: DecoderRow) => Math.max(0, Math.min(i, tokens.length - 1));
  const firsts = runs.map((_, b) => runs.slice(0, b).reduce((sum, { tokens }) => sum + tokens.length, 0));
  const eachStep = (of: (i: number, run: DecoderRow, b: number) => number) =>
    Array.from({ length: steps }, (_, i) => runs.map((run, b) => of(i, run, b))).flat();
  const rows = eachStep((i, run, b) => (run.tokens.length === 0 ? 0 : firsts[b]! + at(i, run)));
  const lengths = eachStep((i, run) => run.position + at(i, run));
  const places = runs.flatMap(({ tokens }, b) => tokens.flatMap((_, i) => [i, b]));
  return {
    seqlens_k: int32(lengths.slice(0, runs.length)),
    total_sequence_length: int32([Math.max(...lengths) + 1], []),
    run_steps: int64([steps], []),
    run_rows: int64(rows, [steps, runs.length]),
    run_lengths: int32(lengths, [steps, runs.length]),
    run_places: int64(places, [places.length / 2, 2]),
  };
}
