/** Where a model looked as it wrote an answer, asked for once and kept while the page is open; and maps of it. */
import type { WireAttention } from "../../src/protocol/index.js";
import { readAttention } from "./api.js";
import { type Answer, chatRequest, type Turn } from "./conversation.js";
import { isInBrowser } from "./in-browser/names.js";
import { dataUrls } from "./pictures.js";
import type { HeatMap } from "./sight.js";

/** A few answers of some hundred kilobytes each. */
const maxKept = 8;
const kept = new Map<string, Promise<WireAttention>>();

/** @param layer of the decoder; absent: the mean of all. @throws ApiError */
export function attentionOf(answer: Answer, turns: readonly Turn[], layer?: number): Promise<WireAttention> {
  const key = `${answer.id} ${layer ?? ""}`;
  const known = kept.get(key);
  if (known) return known;
  const asked = ask(answer, turns, layer);
  kept.set(key, asked);
  asked.catch(() => kept.delete(key));
  for (const old of [...kept.keys()].slice(0, -maxKept)) kept.delete(old);
  return asked;
}

async function ask(answer: Answer, turns: readonly Turn[], layer: number | undefined): Promise<WireAttention> {
  const urls = await dataUrls(turns);
  const { model, messages, min_pixels, max_pixels } = chatRequest(turns, answer, ({ id }) => urls.get(id)!);
  const said = { role: "assistant" as const, content: answer.text };
  const request = { model, messages: [...messages, said], layer, min_pixels, max_pixels };
  const signal = AbortSignal.timeout(120_000);
  if (!isInBrowser(model!)) return readAttention(request, signal);
  return (await import("./in-browser/answer.js")).attentionHere(request, signal);
}

/** Of one token, or of the whole answer: the mean of all, each with the share of its attention that lies on the picture. */
export function mapOf({ tokens }: WireAttention, image: number, token?: number): HeatMap | undefined {
  const asked = token === undefined ? tokens : tokens.slice(token, token + 1);
  const looks = asked.flatMap(({ images }) => images.slice(image, image + 1));
  const [first] = looks;
  if (!first) return undefined;
  const sum = new Float32Array(first.rows * first.columns);
  for (const { weights, share } of looks) {
    const bytes = bytesOf(weights);
    const total = bytes.reduce((all, byte) => all + byte, 0) || 1;
    for (const [i, byte] of bytes.entries()) sum[i]! += (byte * share) / total;
  }
  const largest = Math.max(...sum) || 1;
  const [left, top, width, height] = first.area;
  return {
    rows: first.rows,
    columns: first.columns,
    values: Uint8Array.from(sum, (value) => Math.round((255 * value) / largest)),
    area: { left, top, width, height },
  };
}

/** Of a token, or of all on average: how much of the attention lies on the picture. */
export function shareOf({ tokens }: WireAttention, image: number, token?: number): number {
  const asked = token === undefined ? tokens : tokens.slice(token, token + 1);
  return asked.reduce((sum, { images }) => sum + (images[image]?.share ?? 0), 0) / Math.max(1, asked.length);
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
