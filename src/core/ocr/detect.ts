/**
 * Where text is: the image as the detector takes it, and the lines that its probability map shows. Differentiable binarization
 * [Liao et al. 2020], sizes and thresholds as in PaddleOCR's configs/det/ch_PP-OCRv4/ch_PP-OCRv4_det_student.yml and
 * ppocr/postprocess/db_postprocess.py; how far an image is scaled up, by its DetResizeForTest.
 */
import { type PixelSize, type Point, type RgbImage, resizeColumnsFirst } from "../image/spec/index.js";
import { areasOf } from "./areas.js";
import {
  clockwise,
  cornersOf,
  expanded,
  hullOf,
  type Quad,
  type Rectangle,
  rowOf,
  sidesOf,
  smallestRectangle,
} from "./rectangle.js";

/** A smaller image is scaled up to this on its shorter side, so that its letters are as large as those of the training set. */
const shortSide = 736;
/** At most this on the longer side: the letters of an A4 page still have 12 pixels, and memory is bounded. */
const longSide = 2016;
/** Of the network's strides. */
const multiple = 32;

export function detectorSize({ width, height }: PixelSize): PixelSize {
  const scale = Math.min(Math.max(1, shortSide / Math.min(width, height)), longSide / Math.max(width, height));
  const side = (pixels: number) => Math.max(multiple, Math.round(Math.trunc(pixels * scale) / multiple) * multiple);
  return { width: side(width), height: side(height) };
}

/** ImageNet's, by the channels of the image in the order blue, green, red: so was the network trained. */
const mean = [0.485, 0.456, 0.406] as const;
const deviation = [0.229, 0.224, 0.225] as const;

/** [3, height, width] */
export function detectorInput(image: RgbImage, { width, height }: PixelSize): Float32Array {
  const { data } = resizeColumnsFirst(image, width, height, "bilinear");
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const [scale, offset] = [1 / 255 / deviation[c]!, mean[c]! / deviation[c]!];
    for (let i = 0; i < plane; i++) values[c * plane + i] = data[3 * i + 2 - c]! * scale - offset;
  }
  return values;
}

const pixelThreshold = 0.3;
const boxThreshold = 0.6;
/** A line is learned shrunk by a part of its height; this much of area per circumference undoes it. */
const unclipRatio = 1.5;
/** In pixels of the map. */
const minSide = 3;
/** In pixels of the image. */
const minPixels = 3;

export interface FoundText {
  /** In pixels of the image, from the top left corner clockwise. */
  readonly quads: readonly Quad[];
  /** Whether these are all that there are. */
  readonly isComplete: boolean;
}

/** @param map [height, width] of probabilities */
export function findText(map: Float32Array, size: PixelSize, image: PixelSize, maxLines: number): FoundText {
  const mask = Uint8Array.from(map, (probability) => (probability > pixelThreshold ? 1 : 0));
  const quads: Quad[] = [];
  for (const area of areasOf(mask, size.width, size.height)) {
    const quad = quadOf(smallestRectangle(hullOf(area)), map, size, image);
    if (quad === undefined) continue;
    if (quads.length === maxLines) return { quads, isComplete: false };
    quads.push(quad);
  }
  return { quads, isComplete: true };
}

function quadOf(rectangle: Rectangle | undefined, map: Float32Array, size: PixelSize, image: PixelSize) {
  if (rectangle === undefined) return undefined;
  const [width, height] = sidesOf(rectangle);
  if (Math.min(width, height) < minSide || meanWithin(map, size, cornersOf(rectangle)) < boxThreshold) return undefined;
  const whole = expanded(rectangle, (width * height * unclipRatio) / (2 * (width + height)));
  if (Math.min(...sidesOf(whole)) < minSide + 2) return undefined;
  const corners = cornersOf(whole).map((corner) => inImage(corner, size, image));
  const quad = clockwise(corners as unknown as Quad);
  return Math.min(...quadSides(quad)) > minPixels ? quad : undefined;
}

function inImage([x, y]: Point, size: PixelSize, image: PixelSize): Point {
  const scaled = (at: number, from: number, to: number) => Math.min(to - 1, Math.max(0, Math.round((at / from) * to)));
  return [scaled(x, size.width, image.width), scaled(y, size.height, image.height)];
}

/** Whole pixels of the upper and the left side. */
function quadSides([topLeft, topRight, , bottomLeft]: Quad): readonly [number, number] {
  return [Math.trunc(distance(topLeft, topRight)), Math.trunc(distance(topLeft, bottomLeft))];
}

export function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(bx - ax, by - ay);
}

function meanWithin(map: Float32Array, { width, height }: PixelSize, corners: Quad): number {
  const ys = corners.map(([, y]) => y);
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, Math.ceil(Math.min(...ys))); y <= Math.min(height - 1, Math.max(...ys)); y++) {
    const [from, to] = rowOf(corners, y) ?? [0, -1];
    for (let x = Math.max(0, Math.ceil(from)); x <= Math.min(width - 1, to); x++, count++) sum += map[y * width + x]!;
  }
  return count === 0 ? 0 : sum / count;
}
