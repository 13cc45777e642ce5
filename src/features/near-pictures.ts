/**
 * Finds, among pictures that are kept, the one that a new picture is but another encoding of. A light descriptor proposes, by inner
 * product; a comparison tile by tile (same-picture.ts) disposes. It knows what pictures look like and under what they are kept, no
 * features; pictures of different scopes (a model with its preprocessing) never meet. Why so: docs/decisions/0007.
 */
import type { KnownPicture } from "./picture-table.js";
import { type Plane, type Planes, planesOf, type RgbPicture, resample, whole } from "./plane.js";
import { differences, isSame } from "./same-picture.js";
import { TinyLfu } from "./tiny-lfu.js";

/** A picture and, where a JPEG's luma lies in it as its file tells it, the steps of its 8 × 8 frequencies, row by row. */
export interface AskedPicture extends RgbPicture {
  readonly lumaSteps?: Uint16Array | undefined;
}

/** A picture whose features are kept under `key`. */
export interface KeptPicture extends KnownPicture {
  readonly key: string;
}

export interface NearPicture extends KeptPicture {
  /** Cosine of the descriptors. */
  readonly similarity: number;
}

interface Entry {
  readonly scope: string;
  readonly kept: KeptPicture;
  readonly descriptor: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Planes as bytes, one behind another: three of two bytes a pixel. */
  readonly bytes: Uint8Array;
}

/** Lower than harmless variants fall (a crop moves lines of print): what it lets through in vain costs a comparison, no answer. */
export const leastSimilarity = 0.8;
/** Comparisons that a new picture may cost: pages of one form are all alike to the descriptor. */
const mostComparisons = 3;

export class NearPictures {
  readonly #policy: TinyLfu;
  readonly #entries = new Map<string, Entry>();

  constructor(maxBytes: number) {
    this.#policy = new TinyLfu(maxBytes);
  }

  get bytes(): number {
    return this.#policy.bytes;
  }

  get size(): number {
    return this.#policy.size;
  }

  /** The kept picture of this scope that shows all that this one does, if there is one. */
  find(scope: string, picture: AskedPicture): NearPicture | undefined {
    const planes = planesOf(picture);
    const descriptor = describe(planes);
    const proposed: NearPicture[] = [];
    for (const { scope: its, kept, descriptor: other } of this.#entries.values()) {
      const similarity = its === scope ? innerProduct(descriptor, other) : 0;
      if (similarity >= leastSimilarity) proposed.push({ ...kept, similarity });
    }
    proposed.sort((a, b) => b.similarity - a.similarity);
    const found = proposed
      .slice(0, mostComparisons)
      .find(({ key }) => isSame(differences(planes, unpacked(this.#entries.get(key)!), picture.lumaSteps), planes));
    if (found) this.#policy.touch(found.key);
    return found;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Keeps what the picture looks like, for those that come later. */
  add(scope: string, kept: KeptPicture, picture: RgbPicture): void {
    const { key } = kept;
    this.remove(key);
    const planes = planesOf(picture);
    const entry = { scope, kept, descriptor: describe(planes), ...packed(planes) };
    this.#policy.touch(key);
    this.#entries.set(key, entry);
    for (const gone of this.#policy.add(key, entry.bytes.length + entry.descriptor.byteLength))
      this.#entries.delete(gone);
  }

  /** Its features are gone: it can answer for nobody. */
  remove(key: string): void {
    this.#policy.remove(key);
    this.#entries.delete(key);
  }
}

/** Cells a side of luma and of each colour plane. */
const lumaCells = 16;
const colourCells = 8;

/** Coarse luma and colour about their means, of length one: blind to light, to encoding, and to all that is small. */
export function describe({ luma, blue, red }: Planes): Float32Array {
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

function packed({ luma, blue, red }: Planes): Pick<Entry, "width" | "height" | "bytes"> {
  const { width, height } = luma;
  const bytes = new Uint8Array(luma.data.length + blue.data.length + red.data.length);
  bytes.set(luma.data.map(Math.round));
  bytes.set(
    blue.data.map((value) => Math.round(value) + 128),
    luma.data.length,
  );
  bytes.set(
    red.data.map((value) => Math.round(value) + 128),
    luma.data.length + blue.data.length,
  );
  return { width, height, bytes };
}

function unpacked({ width, height, bytes }: Entry): Planes {
  const half = { width: width >> 1, height: height >> 1 };
  const [all, quarter] = [width * height, half.width * half.height];
  const colour = (start: number) => Float32Array.from(bytes.subarray(start, start + quarter), (byte) => byte - 128);
  return {
    luma: { width, height, data: Float32Array.from(bytes.subarray(0, all)) },
    blue: { ...half, data: colour(all) },
    red: { ...half, data: colour(all + quarter) },
  };
}
