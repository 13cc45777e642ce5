/**
 * A marked part of a picture, "this" in a question: the pictures that it goes with, and its place in words for models that were
 * trained to read places (docs/places.md). Their special tokens are not spelled: a server refuses them in messages.
 */
import { smartSize } from "../../src/core/image/spec/smart-size.js";
import type { WireModel } from "../../src/protocol/index.js";
import type { Picture } from "./conversation.js";

/** Left, top, right and bottom as shares of the picture's width and height. */
export type Box = readonly [number, number, number, number];

export interface Region {
  readonly whole: Picture;
  readonly box: Box;
  readonly crop: Picture;
}

/** The pictures of a question with a marked part: each part stands behind its whole. */
export function withRegion(pictures: readonly Picture[], region: Region | undefined): readonly Picture[] {
  if (!region) return pictures;
  const { whole, crop } = region;
  const all = pictures.some(({ id }) => id === whole.id) ? pictures : [...pictures, whole];
  return all.flatMap((picture) => (picture.id === whole.id ? [picture, crop] : [picture]));
}

/** What of a model decides how it is asked: how it counts and writes places, and where it runs. */
export type Abilities = Pick<WireModel["ocellus"], "model_type" | "places" | "resize" | "device">;

/** Bounds of the area that a picture is scaled to, where the question has its own. */
export interface PixelBounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** A box as each family writes one; the others as JSON. */
const spellings: Readonly<Record<string, (numbers: readonly number[]) => string>> = {
  qwen2_vl: ([x1, y1, x2, y2]) => `(${x1},${y1}),(${x2},${y2})`,
  internvl: (numbers) => `[[${numbers.join(", ")}]]`,
  minicpmv: (numbers) => numbers.join(" "),
  minicpmv4_6: (numbers) => numbers.join(" "),
};
const json = (numbers: readonly number[]) => `{"bbox_2d": [${numbers.join(", ")}]}`;

/** @returns undefined where the model reads no places that could be written here. */
export function placeInWords(
  [left, top, right, bottom]: Box,
  abilities: Abilities,
  whole: Size,
  bounds: PixelBounds = {},
): string | undefined {
  const frame = frameOf(abilities, whole, bounds);
  if (!frame) return undefined;
  const [x, y] = [
    (share: number) => Math.round(share * frame.width),
    (share: number) => Math.round(share * frame.height),
  ];
  return (spellings[abilities.model_type] ?? json)([x(left), y(top), x(right), y(bottom)]);
}

type Size = Pick<Picture, "width" | "height">;

/** What the model counts a picture's sides in. */
function frameOf({ places, resize }: Abilities, whole: Size, { min, max }: PixelBounds): Size | undefined {
  if (places === "thousandths") return { width: 1000, height: 1000 };
  if (places !== "scaled_pixels" || !resize) return undefined; // of an engine elsewhere it is not known
  const { block, min_pixels, max_pixels } = resize;
  const minPixels = min ?? Math.min(min_pixels, max ?? min_pixels);
  const maxPixels = max ?? Math.max(max_pixels, min ?? max_pixels);
  try {
    return smartSize(whole, { patchSize: block, mergeSize: 1, minPixels, maxPixels });
  } catch {
    return undefined; // a strip, which the server refuses
  }
}

/** The question with what "this" is. @param number of the whole among the question's pictures, from 1 */
export function questionAbout(text: string, place: string, number: number): string {
  const isChinese = /\p{Script=Han}/u.test(text);
  const note = isChinese
    ? `所指的是本消息第 ${number} 张图片中的 ${place}，第 ${number + 1} 张图片就是这一部分。`
    : `This is about ${place} in image ${number} of this message; image ${number + 1} is that part.`;
  return text === "" ? note : `${text}\n${note}`;
}
