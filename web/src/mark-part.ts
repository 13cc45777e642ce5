/** How a part of a picture is marked, by pointer and by keys, and cut out. Loaded with the large picture. */
import { ApiError } from "./api.js";
import type { Picture } from "./conversation.js";
import { pictureBlob } from "./history.js";
import { decode, readPicture } from "./pictures.js";
import type { Box, Region } from "./region.js";

/** What the keyboard begins with. */
export const middleBox: Box = [0.25, 0.25, 0.75, 0.75];
/** A smaller one is a slip of the pointer; of the picture's side. */
export const leastSide = 0.01;

const within = (value: number) => Math.min(1, Math.max(0, value));

/** Between two corners, in any order. */
export function boxBetween([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): Box {
  return [within(Math.min(x1, x2)), within(Math.min(y1, y2)), within(Math.max(x1, x2)), within(Math.max(y1, y2))];
}

export function isLargeEnough([left, top, right, bottom]: Box): boolean {
  return right - left >= leastSide && bottom - top >= leastSide;
}

const directions: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Moved by an arrow key, or with Shift made larger or smaller at its right and lower side; undefined for other keys. */
export function boxByKey(box: Box, key: string, isResizing: boolean, step = 0.02): Box | undefined {
  const direction = directions[key];
  if (!direction) return undefined;
  const [left, top, right, bottom] = box;
  const [dx, dy] = [direction[0] * step, direction[1] * step];
  if (isResizing)
    return [left, top, Math.min(1, Math.max(left + step, right + dx)), Math.min(1, Math.max(top + step, bottom + dy))];
  const x = Math.min(1 - right, Math.max(-left, dx));
  const y = Math.min(1 - bottom, Math.max(-top, dy));
  return [left + x, top + y, right + x, bottom + y];
}

/** The part at the picture's full resolution, kept as a picture of its own. @throws when the browser cannot read it. */
export async function regionOf(whole: Picture, box: Box, name: string): Promise<Region> {
  const blob = await pictureBlob(whole.id);
  if (!blob) throw new ApiError(`${whole.name} is no longer kept in this browser; add it again`, 0, "picture_lost");
  const image = await decode(blob);
  const [left, top, right, bottom] = box;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((right - left) * image.naturalWidth));
  canvas.height = Math.max(1, Math.round((bottom - top) * image.naturalHeight));
  const [x, y] = [Math.round(left * image.naturalWidth), Math.round(top * image.naturalHeight)];
  canvas.getContext("2d")!.drawImage(image, -x, -y);
  const cut = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!cut) throw new Error("the part is too large");
  return { whole, box, crop: await readPicture(new File([cut], name, { type: "image/png" })) };
}
