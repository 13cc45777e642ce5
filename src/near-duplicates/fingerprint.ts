/** What a picture looks like, as it is kept for comparisons: its planes in bytes, and a light descriptor of them. */
import { type Plane, type Planes, planesOf, type RgbPixels, resample, whole } from "./plane.js";

/** A picture and, where a JPEG's luma is in it as its file tells it, the steps of its 8 × 8 frequencies, row by row. */
export interface QueryImage extends RgbPixels {
  readonly lumaSteps?: Uint16Array | undefined;
}

export interface Fingerprint {
  readonly width: number;
  readonly height: number;
  /** Luma, then blue and red difference at half the size, these with 128 added. */
  readonly bytes: Uint8Array;
  readonly descriptor: Float32Array;
  /** As the picture's. */
  readonly lumaSteps: Uint16Array | undefined;
}

export function lookOf(image: QueryImage): Fingerprint {
  const planes = planesOf(image);
  const { width, height } = image;
  return { width, height, bytes: packed(planes), descriptor: describe(planes), lumaSteps: image.lumaSteps };
}

export function planesIn({ width, height, bytes }: Fingerprint): Planes {
  const half = { width: width >> 1, height: height >> 1 };
  const [all, quarter] = [width * height, half.width * half.height];
  const colour = (start: number) => Float32Array.from(bytes.subarray(start, start + quarter), (byte) => byte - 128);
  return {
    luma: { width, height, data: Float32Array.from(bytes.subarray(0, all)) },
    blue: { ...half, data: colour(all) },
    red: { ...half, data: colour(all + quarter) },
  };
}

function packed({ luma, blue, red }: Planes): Uint8Array {
  const bytes = new Uint8Array(luma.data.length + blue.data.length + red.data.length);
  const put = ({ data }: Plane, start: number, zero: number) => {
    for (let i = 0; i < data.length; i++) bytes[start + i] = Math.min(255, Math.max(0, Math.round(data[i]! + zero)));
  };
  put(luma, 0, 0);
  put(blue, luma.data.length, 128);
  put(red, luma.data.length + blue.data.length, 128);
  return bytes;
}

/** Cells a side of luma and of each colour plane. */
const lumaCells = 16;
const colourCells = 8;

/** Coarse luma and colour about their means, of length one: blind to light, to encoding, and to all that is small. */
function describe({ luma, blue, red }: Planes): Float32Array {
  const parts = [coarse(luma, lumaCells), coarse(blue, colourCells), coarse(red, colourCells)];
  const out = Float32Array.from(parts.flatMap((part) => [...part]));
  const length = Math.sqrt(innerProduct(out, out));
  return length === 0 ? out : out.map((value) => value / length);
}

function coarse(plane: Plane, cells: number): Float32Array {
  const { data } = resample(plane, cells, cells, whole);
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return data.map((value) => value - mean);
}

export function innerProduct(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
