/**
 * Pictures as planes of numbers, for comparing them: luma in full, colour at half the size (which is all that a JPEG keeps of it),
 * and resampling by a map of its own for each axis. What a model is fed is made elsewhere: nothing here reaches one.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Plane extends Size {
  /** [height, width] */
  readonly data: Float32Array;
}

/** 8-bit RGB, [height, width, 3]. */
export interface RgbPixels extends Size {
  readonly data: Uint8Array;
}

/** Where a picture's axis lies on another's: both run from 0 to 1, x ↦ scale · x + start. */
export interface AxisMap {
  readonly scale: number;
  readonly start: number;
}

export interface FrameMap {
  readonly x: AxisMap;
  readonly y: AxisMap;
}

/** A picture's frame on its own. */
export const whole: FrameMap = { x: { scale: 1, start: 0 }, y: { scale: 1, start: 0 } };

/** [ITU-R BT.601], as JPEG has it. */
const weights = {
  luma: [0.299, 0.587, 0.114],
  blue: [-0.168736, -0.331264, 0.5],
  red: [0.5, -0.418688, -0.081312],
} as const;

/** Luma in full, blue and red difference at half the size. */
export interface Planes {
  readonly luma: Plane;
  readonly blue: Plane;
  readonly red: Plane;
}

export function planesOf(image: RgbPixels): Planes {
  return {
    luma: weighted(image, weights.luma),
    blue: halved(weighted(image, weights.blue)),
    red: halved(weighted(image, weights.red)),
  };
}

function weighted({ width, height, data }: RgbPixels, [r, g, b]: readonly [number, number, number]): Plane {
  const out = new Float32Array(width * height);
  for (let i = 0, at = 0; i < out.length; i++, at += 3) out[i] = r * data[at]! + g * data[at + 1]! + b * data[at + 2]!;
  return { width, height, data: out };
}

/** What one pixel says of the place at a distance. */
export interface Kernel {
  /** Beyond that distance it says nothing. */
  readonly support: number;
  readonly weigh: (distance: number) => number;
}

/** Keys's cubic, a = -0.5. */
export const bicubic: Kernel = {
  support: 2,
  weigh: (distance) => {
    const x = Math.abs(distance);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
  },
};

/** Lanczos's windowed sinc of three lobes. */
export const lanczos: Kernel = { support: 3, weigh: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) };

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The plane at another size, or another part of it: pixel i of n shows what lies at `map`(i/n). The kernel is widened when it shrinks. */
export function resample(plane: Plane, width: number, height: number, map: FrameMap, kernel = bicubic): Plane {
  const columns = tapsOf(plane.width, width, map.x, kernel);
  const wide = new Float32Array(width * plane.height);
  for (let y = 0; y < plane.height; y++)
    for (let x = 0; x < width; x++) {
      let sum = 0;
      const from = y * plane.width;
      for (let t = 0, w = x * columns.count; t < columns.count; t++, w++)
        sum += columns.weights[w]! * plane.data[from + columns.places[w]!]!;
      wide[y * width + x] = sum;
    }
  const rows = tapsOf(plane.height, height, map.y, kernel);
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let t = 0, w = y * rows.count; t < rows.count; t++, w++) {
      const weight = rows.weights[w]!;
      if (weight === 0) continue;
      const from = rows.places[w]! * width;
      for (let x = 0; x < width; x++) out[y * width + x]! += weight * wide[from + x]!;
    }
  return { width, height, data: out };
}

interface Taps {
  /** Of every output position. */
  readonly count: number;
  readonly places: Int32Array;
  readonly weights: Float32Array;
}

function tapsOf(from: number, to: number, { scale, start }: AxisMap, { support, weigh }: Kernel): Taps {
  const step = (scale * from) / to;
  const stretch = Math.max(1, step);
  const taps = Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * step + start * from;
    const [first, last] = [Math.floor(center - support * stretch), Math.ceil(center + support * stretch)];
    const places = Array.from({ length: last - first + 1 }, (_, t) => first + t);
    const weights = places.map((place) => weigh((place + 0.5 - center) / stretch));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    return places
      .map((place, t) => [Math.min(from - 1, Math.max(0, place)), weights[t]! / sum] as const)
      .filter(([, weight]) => Math.abs(weight) > leastWeight);
  });
  const count = Math.max(...taps.map((own) => own.length));
  const [places, weights] = [new Int32Array(to * count), new Float32Array(to * count)];
  for (const [i, own] of taps.entries())
    for (const [t, [place, weight]] of own.entries()) {
      places[i * count + t] = place;
      weights[i * count + t] = weight;
    }
  return { count, places, weights };
}

/** Nothing in 8 bits. A picture's own pixels have one weight, of 1. */
const leastWeight = 1e-6;

/** Half the size, each pixel the mean of four; with an odd row or column, whose half would shift the rest, resampled. */
export function halved(plane: Plane): Plane {
  const { width, height, data } = plane;
  const [w, h] = [width >> 1, height >> 1];
  if (width % 2 || height % 2) return resample(plane, w, h, whole);
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const at = 2 * y * width + 2 * x;
      out[y * w + x] = (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4;
    }
  return { width: w, height: h, data: out };
}
