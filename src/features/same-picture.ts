/**
 * Whether one picture shows nothing that another does not: the second gate of reuse among near-duplicates. The kept picture is laid
 * under the new one (align.ts), then every tile is compared by itself, since what matters is often one digit in a page of them:
 *
 *   flat tiles: mean luma and colour;   tiles with edges or text: what is left over, as a share of what is there
 *
 * What re-encoding, resizing, cropping and light do, they do everywhere; a change is in one place. So a tile may differ by what is
 * usual in this picture, within fixed limits. The comparison is at the new picture's size: detail that it has and the kept one lacks
 * is a difference, the other way round it is none. Limits were set
 * by hand on drawn scenes 1 to 4 and 101 to 117; the table in docs/memory.md is of drawn scenes from 2001 on.
 */
import { type Alignment, align } from "./align.js";
import { type FrameMap, type Plane, type Planes, resample } from "./plane.js";

/** The worst of all tiles, beside what is usual in them. */
export interface Differences {
  readonly alignment: Alignment;
  /** Of the variance in a tile, what is not explained by the other picture. */
  readonly structure: number;
  /** Of that, what nineteen in twenty tiles with edges stay under. */
  readonly usualStructure: number;
  /** Mean difference of a tile's luma, in 255ths. */
  readonly light: number;
  /** Mean difference of a tile's blue or red difference, in 255ths. */
  readonly colour: number;
}

/** Of luma; half overlapping. A digit of the smallest legible print fills half of one. */
const tileSide = 8;
/** Variance that noise alone may have: keeps the shares of nearly flat tiles small. */
const noiseVariance = 300;
/** Variance from which a tile holds edges. */
const edgeVariance = 400;

export function differences(picture: Planes, kept: Planes): Differences {
  const alignment = align(picture.luma, kept.luma);
  const { map, gain, offset } = alignment;
  const { structure, usualStructure, light } = compareLuma(
    picture.luma,
    under(picture.luma, kept.luma, map, gain, offset),
  );
  const blue = compareColour(picture.blue, under(picture.blue, kept.blue, map, gain, 0));
  const red = compareColour(picture.red, under(picture.red, kept.red, map, gain, 0));
  return { alignment, structure, usualStructure, light, colour: Math.max(blue, red) };
}

/** The kept plane as it lies under the picture's, in its light. */
function under(plane: Plane, kept: Plane, map: FrameMap, gain: number, offset: number): Plane {
  const shown = resample(kept, plane.width, plane.height, map);
  for (let i = 0; i < shown.data.length; i++) shown.data[i] = gain * shown.data[i]! + offset;
  return shown;
}

function compareLuma(picture: Plane, kept: Plane) {
  let [structure, light] = [0, 0];
  const shares: number[] = [];
  const clip = (value: number) => Math.min(255, Math.max(0, value));
  eachTile(picture, tileSide, (places) => {
    let [sum, squares, keptSum, keptSquares, ownSum, ownSquares] = [0, 0, 0, 0, 0, 0];
    for (const at of places) {
      const [own, other] = [picture.data[at]!, clip(kept.data[at]!)];
      const rest = own - other;
      sum += rest;
      squares += rest * rest;
      keptSum += other;
      keptSquares += other * other;
      ownSum += own;
      ownSquares += own * own;
    }
    const n = places.length;
    const variance = (total: number, square: number) => Math.max(0, square / n - (total / n) ** 2);
    const there = Math.min(variance(keptSum, keptSquares), variance(ownSum, ownSquares));
    const share = variance(sum, squares) / (there + noiseVariance);
    if (there > edgeVariance) shares.push(share);
    structure = Math.max(structure, share);
    light = Math.max(light, Math.abs(sum) / n);
  });
  shares.sort((a, b) => a - b);
  return { structure, light, usualStructure: shares[Math.floor(0.95 * shares.length)] ?? 0 };
}

function compareColour(picture: Plane, kept: Plane): number {
  let most = 0;
  eachTile(picture, tileSide / 2, (places) => {
    let sum = 0;
    for (const at of places) sum += picture.data[at]! - kept.data[at]!;
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
/** Light of ± 10 %, and what brightening in other colour spaces makes of it. */
const mostGain = 1.18;
const mostOffset = 14;
const mostLight = 12;
const mostColour = 18;
/** Of a tile's variance: never more than that, nor more than so many times what is usual in the picture. */
const mostStructure = 0.3;
const leastUsual = 0.06;
const timesUsual = 3;

export function isSame({ alignment, structure, usualStructure, light, colour }: Differences, picture: Planes): boolean {
  const { map, gain, offset } = alignment;
  return (
    fits(map.x, picture.luma.width) &&
    fits(map.y, picture.luma.height) &&
    gain < mostGain &&
    gain > 1 / mostGain &&
    Math.abs(offset) < mostOffset &&
    light < mostLight &&
    colour < mostColour &&
    structure < Math.min(mostStructure, timesUsual * Math.max(leastUsual, usualStructure))
  );
}

function fits({ scale, start }: FrameMap["x"], side: number): boolean {
  const margin = mostOutside / side;
  return scale > leastScale && start > -margin && scale + start < 1 + margin;
}
