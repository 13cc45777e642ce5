/**
 * Whether one picture shows nothing that another does not: the second gate of reuse among near-duplicates. The kept picture is laid
 * under the new one (align.ts), then every tile is compared by itself, since what matters is often one digit in a page of them:
 *
 *   flat tiles: mean luma and colour;   tiles with edges or text: what is left over, as a share of what is there and beside it
 *
 * What re-encoding, resizing, cropping and light do, they do everywhere; a change is in one place. So of a JPEG all pictures that it
 * may stand for are granted (coded.ts), the kept picture is made as coarse and as soft as the new one is (soften.ts), and a tile may
 * differ by what is usual in this picture, within fixed limits. Detail that the new one has and the kept one lacks is a difference,
 * the other way round it is none, down to half the size. Limits were set by hand on drawn scenes below 7000 and the first 80 of the
 * bundled demo model; the table in docs/benchmarks.md is of others.
 */
import { type Alignment, align } from "./align.js";
import { nearestCoded } from "./coded.js";
import { type Fingerprint, planesIn } from "./fingerprint.js";
import { type FrameMap, type Plane, type Planes, resample, type Size, whole } from "./plane.js";
import { soften } from "./soften.js";

/** The worst of all tiles, beside what is usual in them. */
export interface Differences {
  readonly alignment: Alignment;
  /** The picture's own pixels to one of the kept picture's, along the axis where they are fewer. */
  readonly resolution: number;
  /** How much of the contrast of the kept picture's strokes is left. */
  readonly strokes: number;
  /** Of the variance around a tile, what is not explained by the other picture. */
  readonly structure: number;
  /** Of that, what nine in ten tiles with edges stay under. */
  readonly usualStructure: number;
  /** The kept picture was shown at places between its pixels, in just the detail that it has: what lies there is guessed. */
  readonly isBetweenPixels: boolean;
  /** Root mean square difference of luma in three by three pixels, what a stroke covers, in 255ths. */
  readonly spot: number;
  /** Mean difference of a tile's luma, in 255ths. */
  readonly light: number;
  /** Mean difference of a tile's blue or red difference, in 255ths. */
  readonly colour: number;
}

/** Of luma; half overlapping. A digit of the smallest legible print fills half of one. */
const tileSide = 8;
/** Tiles to every side that an edge's error reaches: blocks of JPEG are as large as a tile, and lie anywhere. */
const reach = 2;
/** Variance that noise alone may have: keeps the shares of nearly flat tiles small. */
const noiseVariance = 150;
/** Variance from which a tile holds edges. */
const edgeVariance = 400;

/** Icons have too few tiles to say what is usual in them, and cost little. */
const leastSide = 4 * tileSide;

/** Whether `picture` shows nothing that the kept one does not: a CPU second for three megapixels. */
export function showsNothingElse(image: Fingerprint, kept: Fingerprint): boolean {
  if (Math.min(image.width, image.height, kept.width, kept.height) < leastSide) return false;
  const planes = planesIn(image);
  return isSame(differences(planes, planesIn(kept), image.lumaSteps), planes);
}

/** @param steps of a JPEG's luma, where `picture` lies as its file tells it. */
export function differences(image: Planes, kept: Planes, steps?: ArrayLike<number>): Differences {
  const { luma } = image;
  const alignment = align(luma, kept.luma);
  const { map, kernel } = alignment;
  const resolution = Math.min(
    luma.width / (map.x.scale * kept.luma.width),
    luma.height / (map.y.scale * kept.luma.height),
  );
  const under = clipped(lit(resample(kept.luma, luma.width, luma.height, map, kernel), alignment));
  const told = steps && isFine(steps) ? nearestCoded({ luma, steps }, under) : luma;
  const size = resolution < 0.8 ? kept.luma : luma;
  const [own, other] = [fitted(told, size), fitted(under, size)];
  const soft = soften(own, other);
  const { strokes } = own === luma ? soft : soften(luma, under);
  const light = { gain: alignment.gain, offset: 0 };
  const colourOf = (part: "blue" | "red") => {
    const [own, other] = [image[part], kept[part]];
    const [width, height] = [Math.min(own.width, other.width), Math.min(own.height, other.height)];
    return compareColour(fitted(own, { width, height }), lit(resample(other, width, height, map), light));
  };
  return {
    alignment: { ...alignment, gain: alignment.gain * soft.gain, offset: alignment.offset * soft.gain + soft.offset },
    resolution,
    strokes,
    ...compareLuma(own, soft.plane),
    spot: largestSpot(own, soft.plane),
    isBetweenPixels: alignment.isBetween && resolution > 0.95 && resolution < 1.2,
    colour: Math.max(colourOf("blue"), colourOf("red")),
  };
}

/** Larger steps leave so much unsaid that a small digit may have changed: of the mean of all, a JPEG of quality 35 has 82. */
function isFine(steps: ArrayLike<number>): boolean {
  let sum = 0;
  for (let i = 0; i < 64; i++) sum += steps[i]!;
  return sum / 64 <= 82 && steps[0]! <= 24;
}

function lit(plane: Plane, { gain, offset }: Pick<Alignment, "gain" | "offset">): Plane {
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = gain * plane.data[i]! + offset;
  return plane;
}

function clipped(plane: Plane): Plane {
  for (let i = 0; i < plane.data.length; i++) plane.data[i] = Math.min(255, Math.max(0, plane.data[i]!));
  return plane;
}

function fitted(plane: Plane, { width, height }: Size): Plane {
  return plane.width === width && plane.height === height ? plane : resample(plane, width, height, whole);
}

function compareLuma(image: Plane, kept: Plane) {
  const { there, rest, light, columns } = tilesOf(image, kept);
  const around = largestNear(there, columns);
  let structure = 0;
  const shares: number[] = [];
  for (const [i, most] of around.entries()) {
    const share = rest[i]! / (most + noiseVariance);
    if (most > edgeVariance) shares.push(share);
    structure = Math.max(structure, share);
  }
  shares.sort((a, b) => a - b);
  return { structure, light, usualStructure: shares[Math.floor(0.9 * shares.length)] ?? 0 };
}

function largestSpot({ width, height, data }: Plane, kept: Plane): number {
  const squares = data.map((value, i) => (value - kept.data[i]!) ** 2);
  const along = squares.map((value, i) => value + (squares[i - 1] ?? 0) + (squares[i + 1] ?? 0));
  let most = 0;
  for (let y = 1; y < height - 1; y++)
    for (let x = 1, at = y * width + 1; x < width - 1; x++, at++)
      most = Math.max(most, along[at - width]! + along[at]! + along[at + width]!);
  return Math.sqrt(most / 9);
}

/** Row by row: the variance that both show, the variance of what they differ in; and the largest difference in the mean. */
function tilesOf(image: Plane, kept: Plane) {
  const [tops, lefts] = [starts(image.height, tileSide), starts(image.width, tileSide)];
  const there = new Float32Array(tops.length * lefts.length);
  const rest = new Float32Array(there.length);
  let light = 0;
  for (const [row, top] of tops.entries())
    for (const [column, left] of lefts.entries()) {
      let [ownSum, ownSquares, keptSum, keptSquares, products] = [0, 0, 0, 0, 0];
      for (let y = top; y < top + tileSide; y++)
        for (let at = y * image.width + left, end = at + tileSide; at < end; at++) {
          const [own, other] = [image.data[at]!, kept.data[at]!];
          ownSum += own;
          ownSquares += own * own;
          keptSum += other;
          keptSquares += other * other;
          products += own * other;
        }
      const n = tileSide * tileSide;
      const variance = ownSquares / n - (ownSum / n) ** 2;
      const keptVariance = keptSquares / n - (keptSum / n) ** 2;
      const covariance = products / n - (ownSum / n) * (keptSum / n);
      const i = row * lefts.length + column;
      there[i] = Math.max(0, Math.min(variance, keptVariance));
      rest[i] = Math.max(0, variance + keptVariance - 2 * covariance);
      light = Math.max(light, Math.abs(ownSum - keptSum) / n);
    }
  return { there, rest, light, columns: lefts.length };
}

/** Of every tile's neighbourhood, the largest value. */
function largestNear(values: Float32Array, columns: number): Float32Array {
  const rows = values.length / columns;
  const along = values.map((_, i) => {
    const start = i - (i % columns);
    let most = 0;
    for (let x = Math.max(start, i - reach); x <= Math.min(start + columns - 1, i + reach); x++)
      most = Math.max(most, values[x]!);
    return most;
  });
  return along.map((_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    let most = 0;
    for (let y = Math.max(0, row - reach); y <= Math.min(rows - 1, row + reach); y++)
      most = Math.max(most, along[y * columns + column]!);
    return most;
  });
}

function compareColour(image: Plane, kept: Plane): number {
  let most = 0;
  eachTile(image, tileSide / 2, (places) => {
    let sum = 0;
    for (const at of places) sum += image.data[at]! - kept.data[at]!;
    most = Math.max(most, Math.abs(sum) / places.length);
  });
  return most;
}

/** Tells the places of every tile's pixels; tiles overlap by half, and the last ones end at the edge. */
function eachTile({ width, height }: Plane, side: number, visit: (places: Int32Array) => void): void {
  const places = new Int32Array(side * side);
  for (const top of starts(height, side))
    for (const left of starts(width, side)) {
      for (let i = 0; i < places.length; i++) places[i] = (top + Math.floor(i / side)) * width + left + (i % side);
      visit(places);
    }
}

function starts(length: number, side: number): number[] {
  const last = Math.max(0, length - side);
  return Array.from({ length: Math.ceil((2 * last) / side) + 1 }, (_, i) => Math.min(last, (i * side) / 2));
}

/** A crop of 2 % at every side, with room for rounding to whole patches. */
const leastScale = 0.945;
/** Pixels that the frame may seem to reach over the kept one's: shifting all of a picture is a change. */
const mostOutside = 1;
/** Half the size, with room for rounding: in less, digits that the kept picture shows can be told apart no more. So with strokes gone soft. */
const leastResolution = 0.45;
const leastStrokes = 0.6;
/** Light of ± 10 %, and what brightening in other colour spaces makes of it. */
const mostGain = 1.18;
const mostOffset = 14;
const mostLight = 12;
const mostColour = 18;
/**
 * Of a tile's variance: never more than that, in coarser copies less as their pixels are larger, nor more than so many times what is
 * usual in the picture. A changed pattern may itself be what is usual; of one digit of 6 pixels 0.16 and more are left, in half the
 * size 0.03, where a plain copy leaves 0.01.
 */
const mostStructure = 0.11;
const leastUsual = 0.004;
const leastUsualFaint = 0.015;
const leastUsualBetweenPixels = 0.027;
const timesUsual = 4.5;
/** Light that whites are cut off in leaves some 8 of 255 along edges; a digit of 6 pixels in half its size leaves 13. */
const mostFaint = 10;

export function isSame(differences: Differences, image: Planes): boolean {
  const { alignment, resolution, strokes, structure, light, colour } = differences;
  const { map, gain, offset } = alignment;
  return (
    fits(map.x, image.luma.width) &&
    fits(map.y, image.luma.height) &&
    resolution > leastResolution &&
    strokes > leastStrokes &&
    gain < mostGain &&
    gain > 1 / mostGain &&
    Math.abs(offset) < mostOffset &&
    light < mostLight &&
    colour < mostColour &&
    structure < allowedStructure(differences)
  );
}

function allowedStructure({ usualStructure, isBetweenPixels, spot, resolution }: Differences): number {
  const least = isBetweenPixels ? leastUsualBetweenPixels : spot < mostFaint ? leastUsualFaint : leastUsual;
  return Math.min(mostStructure * Math.min(1, resolution) ** 2, timesUsual * Math.max(least, usualStructure));
}

function fits({ scale, start }: FrameMap["x"], side: number): boolean {
  const margin = mostOutside / side;
  return scale > leastScale && start > -margin && scale + start < 1 + margin;
}
