/**
 * Where a model looks as it writes each token of an answer: the attention of the token that comes before it over the rows of each image
 * in the prompt, mean over the heads, and over all layers or of one. A decoder with that as a further output reads the prompt and the
 * given answer once more, on the CPU, in a cache of its own. Rows of a resampler are spread over the patches by what its queries look
 * at; rows that stand for patches are these.
 */
import { OcellusError, throwIfAborted } from "../base/index.js";
import { tokenAttention } from "../graph/index.js";
import { type AttentionMap, type ImageProcessor, viewsOf, wholeOf } from "../image/spec/index.js";
import { numRows } from "../models/index.js";
import type { PackedModel } from "../pack/portable.js";
import type { PromptImage } from "../processor/portable.js";
import { areaOf, queryMaps } from "./attention-map.js";
import type { ChatOptions } from "./chat.js";
import { openLookingDecoder } from "./decoder-models.js";
import { DecoderRunner } from "./runner.js";
import type { SequenceInputs } from "./sequence-inputs.js";
import type { OpenHere, QueryAttention } from "./vision.js";

/** Where a token looked in one image; `weights` are shares of all that it looked at, the words of the prompt included. */
export type TokenLook = AttentionMap;

export interface AnswerAttention {
  /** Layers of the decoder that look back. */
  readonly numLayers: number;
  /** Of each token of the answer its text, and of each image where it looked. */
  readonly tokens: readonly { readonly text: string; readonly images: readonly TokenLook[] }[];
}

export interface AttentionOptions extends Omit<ChatOptions, "zoom"> {
  /** Of which layer, from 0. Default: the mean of all. */
  readonly layer?: number | undefined;
}

/** Each takes a step of the decoder. */
export const mostAnswerTokens = 512;
/** Of the packed model: the decoder is opened a second time while a request is looked at. */
const mostWeightBytes = 2 ** 33;
/** Numbers of all maps together. */
const mostCells = 2 ** 22;
/** Numbers of one step's attention: 64 MB. A long prompt is read in short pieces. */
const mostNumbers = 2 ** 24;

interface Question {
  readonly promptIds: Int32Array;
  /** Without a known prefix, for that is another cache's. */
  readonly inputs: SequenceInputs;
  readonly answerIds: readonly number[];
  /** Counted from 0. Absent: the mean of all. */
  readonly layer?: number | undefined;
  /** The context. */
  readonly maxLength: number;
}

/** The attention [promptIds + answerIds so far] before each token of the answer, mean over heads. @throws `too_large`, `invalid_request`, `aborted`. */
async function* attentionRows(
  packed: PackedModel,
  { promptIds, inputs, answerIds, layer }: Question,
  { open, signal }: { readonly open: OpenHere; readonly signal: AbortSignal | undefined },
): AsyncGenerator<{ readonly row: Float32Array; readonly numLayers: number }> {
  const { decoder, numLayers, numHeads } = await openLookingDecoder(packed, open);
  const maxLength = promptIds.length + answerIds.length;
  const runner = new DecoderRunner(packed, decoder, { numSlots: 1, maxLength, output: { name: tokenAttention } });
  try {
    if (layer !== undefined && layer >= numLayers) throw noSuchLayer(layer, numLayers);
    const all = [...promptIds, ...answerIds];
    const row = { slot: 0, payload: inputs };
    const numRead = promptIds.length - 1;
    const chunk = Math.max(2, Math.floor(mostNumbers / (numLayers * numHeads * maxLength)));
    for (let position = 0; position < numRead; position += chunk) {
      throwIfAborted(signal);
      const tokens = all.slice(position, Math.min(numRead, position + chunk));
      await runner.step({ kind: "prefill", rows: [{ ...row, tokens, position, numLogits: 0 }] });
    }
    for (let position = numRead; position < maxLength - 1; position++) {
      throwIfAborted(signal);
      const next = { ...row, tokens: [all[position]!], position, numLogits: 1 };
      const [found] = await runner.step({ kind: "decode", rows: [next] });
      yield { row: meanOf(found!, { numHeads, numLayers, layer }), numLayers };
    }
  } finally {
    await runner.close();
    await decoder.close();
  }
}

/** [layers · heads, keys] → [keys] */
function meanOf(
  found: Float32Array,
  {
    numHeads,
    numLayers,
    layer,
  }: { readonly numHeads: number; readonly numLayers: number; readonly layer?: number | undefined },
): Float32Array {
  const numKeys = found.length / (numHeads * numLayers);
  const [first, count] = layer === undefined ? [0, numHeads * numLayers] : [layer * numHeads, numHeads];
  const mean = new Float32Array(numKeys);
  for (let head = first; head < first + count; head++)
    for (let key = 0; key < numKeys; key++) mean[key]! += found[head * numKeys + key]! / count;
  return mean;
}

function noSuchLayer(layer: number, numLayers: number): OcellusError {
  return new OcellusError("invalid_request", `layer: expected 0 to ${numLayers - 1}, found ${layer}`, {
    details: { param: "layer", found: layer, most: numLayers - 1 },
  });
}

/** What of an image's rows each cell of its map takes. */
interface Spread {
  readonly rows: number;
  readonly columns: number;
  readonly area: AttentionMap["area"];
  /** Places in the prompt, of each row. */
  readonly places: readonly number[];
  /** Of each row its share of each cell. Absent: row i is cell i. */
  readonly maps?: readonly Float32Array[];
}

/** @throws `unsupported` where rows have no place in the image that is known here: of tiles, and of pairs of frames. */
export function spreadOf(image: PromptImage, looks: readonly QueryAttention[], imageProcessor: ImageProcessor): Spread {
  const { grid, spans, size } = image;
  const places = spans.flatMap(({ start, numTokens }) => Array.from({ length: numTokens }, (_, i) => start + i));
  const whole = viewsOf(grid).at(wholeOf(grid))!;
  const area = areaOf(whole, size, imageProcessor);
  if (looks.length > 0) {
    const { numQueries } = looks[0]!;
    const own = wholeOf(grid) === 0 ? places.slice(0, numQueries) : places.slice(-numQueries);
    const cells = { rows: whole.rows, columns: whole.columns, area };
    return { ...cells, places: own, maps: queryMaps(looks, whole.rows * whole.columns) };
  }
  const merge = Math.sqrt((whole.rows * whole.columns) / numRows({ spans }));
  const isWhole = whole.rows % merge === 0 && whole.columns % merge === 0 && !image.pair && viewsOf(grid).length === 1;
  if (!isWhole || merge > whole.rows) throw unplaced();
  const { left, top, width, height } = area;
  return {
    rows: whole.rows / merge,
    columns: whole.columns / merge,
    area: { left: left / merge, top: top / merge, width: width / merge, height: height / merge },
    places,
  };
}

function unplaced(): OcellusError {
  return new OcellusError(
    "unsupported",
    "attention: this model cuts the image into tiles or frames, whose tokens are not placed on it here; try an image that it does not cut",
    { details: { param: "messages", expected: "an image in one piece" } },
  );
}

function lookOf(row: Float32Array, { rows, columns, area, places, maps }: Spread): TokenLook {
  const weights = new Float32Array(rows * columns);
  for (const [i, place] of places.entries()) {
    const share = row[place]!;
    if (!maps) weights[i] = share;
    else for (const [cell, part] of maps[i]!.entries()) weights[cell]! += share * part;
  }
  return { rows, columns, area, weights };
}

/** @throws `unsupported` for a model whose weights are more than may be opened a second time. */
function checkWeights({ files }: PackedModel): void {
  const numBytes = files.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (numBytes <= mostWeightBytes) return;
  throw new OcellusError(
    "unsupported",
    `attention: the model's weights have ${numBytes} bytes and would be opened once more; at most ${mostWeightBytes} are`,
    { details: { param: "model", bytes: numBytes, most: mostWeightBytes } },
  );
}

interface AnswerAttentionParts {
  readonly packed: PackedModel;
  readonly open: OpenHere;
  readonly spell: (id: number) => string;
  readonly signal: AbortSignal | undefined;
}

/** @throws `too_large` for an answer of more tokens than are looked at, and as `attentionRows`. */
export async function answerAttention(
  question: Question,
  spreads: readonly Spread[],
  { packed, open, spell, signal }: AnswerAttentionParts,
): Promise<AnswerAttention> {
  const { answerIds, promptIds, maxLength } = question;
  const numCells = spreads.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const most = Math.min(mostAnswerTokens, Math.floor(mostCells / Math.max(1, numCells)), maxLength - promptIds.length);
  checkWeights(packed);
  if (answerIds.length > most)
    throw new OcellusError("too_large", `the answer has ${answerIds.length} tokens, at most ${most} are looked at`, {
      details: { param: "messages", tokens: answerIds.length, most },
    });
  const tokens: AnswerAttention["tokens"][number][] = [];
  let numLayers = 0;
  for await (const found of attentionRows(packed, question, { open, signal })) {
    numLayers = found.numLayers;
    tokens.push({ text: spell(answerIds[tokens.length]!), images: spreads.map((spread) => lookOf(found.row, spread)) });
  }
  return { numLayers, tokens };
}
