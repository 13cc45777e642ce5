/**
 * The pixels of one line of text, upright, at the height that the networks read: by perspective from its four corners (bicubic, as
 * OpenCV's warpPerspective), then scaled (bilinear, without averaging, as OpenCV's resize): so were they trained. Only pixels that the
 * second step looks at are made by the first, which bounds the work by the size of the result.
 */
import type { PixelSize, RgbImage } from "../image/spec/index.js";
import { distance } from "./detect.js";
import type { Quad } from "./rectangle.js";

/** By quarters: sideways lines stand on their right side, which comes up. */
export type Turn = "none" | "left" | "half" | "right";

export interface Line {
  readonly quad: Quad;
  /** Of the line's pixels before they are turned. */
  readonly size: PixelSize;
  readonly turn: Turn;
}

/** Rows to pixels of a column from which on a line is taken to run downwards. [PaddleOCR tools/infer/utility.py] */
const sideways = 1.5;

export function lineOf(quad: Quad): Line {
  const [a, b, c, d] = quad;
  const width = Math.max(1, Math.trunc(Math.max(distance(a, b), distance(c, d))));
  const height = Math.max(1, Math.trunc(Math.max(distance(a, d), distance(b, c))));
  return { quad, size: { width, height }, turn: height / width >= sideways ? "left" : "none" };
}

const upsideDown = { none: "half", left: "right", half: "none", right: "left" } as const;

export function turnedOver(line: Line): Line {
  return { ...line, turn: upsideDown[line.turn] };
}

/** As it is read. */
export function uprightSize({ size, turn }: Line): PixelSize {
  const { width, height } = size;
  return turn === "left" || turn === "right" ? { width: height, height: width } : size;
}

const firstCorner = { none: 0, left: 1, half: 2, right: 3 } as const;

/** Its corners, from the top left of the text as it is read. */
export function uprightQuad({ quad, turn }: Line): Quad {
  const first = firstCorner[turn];
  return [0, 1, 2, 3].map((i) => quad[(first + i) % 4]) as unknown as Quad;
}

/** [3, height, padded] in the order blue, green, red, from -1 to 1; the columns from `width` on are zero. */
export function lineInput(image: RgbImage, line: Line, { width, height }: PixelSize, padded: number): Float32Array {
  const upright = uprightSize(line);
  const [columns, rows] = [linearTaps(upright.width, width), linearTaps(upright.height, height)];
  const pixels = new LineRows(image, line, columns);
  const values = new Float32Array(3 * height * padded);
  for (let y = 0; y < height; y++) {
    const [upper, lower] = [pixels.row(rows.first[y]!), pixels.row(rows.second[y]!)];
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const [left, right] = [3 * columns.firstSlot[x]! + c, 3 * columns.secondSlot[x]! + c];
        const above = mix(upper[left]!, upper[right]!, columns.share[x]!);
        const below = mix(lower[left]!, lower[right]!, columns.share[x]!);
        const value = Math.round(mix(above, below, rows.share[y]!));
        values[((2 - c) * height + y) * padded + x] = value / 127.5 - 1;
      }
  }
  return values;
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

interface Taps {
  /** By output, the two inputs that it lies between, and how far it is from the first. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float64Array;
  /** Inputs that any output needs; the slots are their places in here. */
  readonly needed: Int32Array;
  readonly firstSlot: Int32Array;
  readonly secondSlot: Int32Array;
}

function linearTaps(from: number, to: number): Taps {
  const place = Float64Array.from({ length: to }, (_, i) =>
    Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5)),
  );
  const first = Int32Array.from(place, Math.floor);
  const second = first.map((at) => Math.min(at + 1, from - 1));
  const needed = Int32Array.from(new Set([...first, ...second])).sort();
  const slots = new Map([...needed].map((at, slot) => [at, slot]));
  return {
    ...{ first, second, needed, share: place.map((at, i) => at - first[i]!) },
    firstSlot: first.map((at) => slots.get(at)!),
    secondSlot: second.map((at) => slots.get(at)!),
  };
}

/** Rows of a line as it is read, of the columns that are needed; the last two stay. */
class LineRows {
  readonly #image: RgbImage;
  readonly #line: Line;
  readonly #needed: Int32Array;
  readonly #toImage: (x: number, y: number) => readonly [number, number];
  readonly #made = new Map<number, Uint8ClampedArray>();

  constructor(image: RgbImage, line: Line, { needed }: Taps) {
    this.#image = image;
    this.#line = line;
    this.#needed = needed;
    this.#toImage = perspective(line);
  }

  row(y: number): Uint8ClampedArray {
    const known = this.#made.get(y);
    if (known) return known;
    const row = new Uint8ClampedArray(3 * this.#needed.length);
    for (const [slot, x] of this.#needed.entries()) {
      const [u, v] = this.#toImage(...unturned(x, y, this.#line));
      sample(this.#image, u, v, row, 3 * slot);
    }
    if (this.#made.size === 2) this.#made.delete(this.#made.keys().next().value!);
    this.#made.set(y, row);
    return row;
  }
}

/** A pixel of the turned line → the same one before. */
function unturned(x: number, y: number, { size: { width, height }, turn }: Line): readonly [number, number] {
  if (turn === "none") return [x, y];
  if (turn === "half") return [width - 1 - x, height - 1 - y];
  return turn === "left" ? [width - 1 - y, x] : [y, height - 1 - x];
}

/** The rectangle of the line's size → the quadrilateral. [Heckbert 1989, 2.2.3] */
function perspective({ quad, size }: Line): (x: number, y: number) => readonly [number, number] {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = quad;
  const [dx1, dx2, dx3] = [x1 - x2, x3 - x2, x0 - x1 + x2 - x3];
  const [dy1, dy2, dy3] = [y1 - y2, y3 - y2, y0 - y1 + y2 - y3];
  const area = dx1 * dy2 - dx2 * dy1;
  const g = area === 0 ? 0 : (dx3 * dy2 - dx2 * dy3) / area;
  const h = area === 0 ? 0 : (dx1 * dy3 - dx3 * dy1) / area;
  const [a, b] = [x1 - x0 + g * x1, x3 - x0 + h * x3];
  const [d, e] = [y1 - y0 + g * y1, y3 - y0 + h * y3];
  return (x, y) => {
    const [s, t] = [x / size.width, y / size.height];
    const depth = g * s + h * t + 1;
    return [(a * s + b * t + x0) / depth, (d * s + e * t + y0) / depth];
  };
}

/** OpenCV's; Pillow and others take -0.5. */
const sharpness = -0.75;

/** The cubic convolution's weights of the four pixels around a place between the inner two. [Keys 1981] */
function cubicWeights(share: number): readonly [number, number, number, number] {
  const outer = (t: number) => ((sharpness * t - 5 * sharpness) * t + 8 * sharpness) * t - 4 * sharpness;
  const inner = (t: number) => ((sharpness + 2) * t - (sharpness + 3)) * t * t + 1;
  return [outer(share + 1), inner(share), inner(1 - share), outer(2 - share)];
}

/** Beyond the image its outermost pixels go on. */
function sample({ width, height, data }: RgbImage, x: number, y: number, out: Uint8ClampedArray, to: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [across, down] = [cubicWeights(x - left), cubicWeights(y - top)];
  let [red, green, blue] = [0, 0, 0];
  for (let j = 0; j < 4; j++) {
    const row = Math.min(height - 1, Math.max(0, top + j - 1)) * width;
    for (let i = 0; i < 4; i++) {
      const at = 3 * (row + Math.min(width - 1, Math.max(0, left + i - 1)));
      const weight = down[j]! * across[i]!;
      red += weight * data[at]!;
      green += weight * data[at + 1]!;
      blue += weight * data[at + 2]!;
    }
  }
  out[to] = red;
  out[to + 1] = green;
  out[to + 2] = blue;
}
