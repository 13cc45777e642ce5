/** How the numbers of a weight matrix [rows, columns] can be stored. What each format costs is measured in docs/quantization.md. */

/** Columns that share a scale. */
export type BlockSize = 32 | 64 | 128;

/** Whole numbers times a scale a block; int4 may have a zero point a block too. */
export interface BlockFormat {
  readonly kind: "int8" | "int4";
  readonly blockSize: BlockSize;
  /** int4 only: the code that stands for zero is chosen block by block, instead of being 8 everywhere. */
  readonly zeroPoints?: boolean;
}

/** The sixteen values of bitsandbytes' NormalFloat times a scale a block; `nested`: the scales are themselves stored in 8 bits. */
export interface Nf4Format {
  readonly kind: "nf4";
  readonly blockSize: 64;
  readonly nested: boolean;
}

/**
 * 8-bit weights with one scale a row of the matrix (an output channel), for a product whose other side is rounded to 8 bits with
 * one scale a token: the product is one of whole numbers. Both sides are turned by the same orthogonal matrix first, in groups
 * of columns (`rotationSize`), which leaves the product as it is and spreads columns that are much larger than others.
 * [W8A8: Dettmers et al. 2022, Xiao et al. 2023; rotation: Ashkboos et al. 2024, QuaRot]
 */
export interface W8A8Format {
  readonly kind: "w8a8";
}

export type WeightFormat = { readonly kind: "f32" } | { readonly kind: "f16" } | BlockFormat | Nf4Format | W8A8Format;

/** Whether a matrix of so many columns can be stored as W8A8: they are turned in groups of 16 at least. */
export function fitsW8A8(columns: number): boolean {
  return columns % 16 === 0;
}

/** `fp16`, `int4 b32`, `int4 b128 with zero points`, `nf4 double`. */
export function describeFormat(format: WeightFormat): string {
  switch (format.kind) {
    case "f32":
      return "fp32";
    case "f16":
      return "fp16";
    case "int8":
    case "int4":
      return `${format.kind} b${format.blockSize}${format.zeroPoints ? " with zero points" : ""}`;
    case "nf4":
      return format.nested ? "nf4 double" : "nf4";
    case "w8a8":
      return "w8a8";
    default:
      return format satisfies never;
  }
}

export function sameFormat(a: WeightFormat, b: WeightFormat): boolean {
  return describeFormat(a) === describeFormat(b);
}

/** Bytes of a matrix in this format, with its scales and zero points. */
export function storedBytes(format: WeightFormat, rows: number, columns: number): number {
  const blocks =
    format.kind === "nf4"
      ? (rows * columns) / 64
      : "blockSize" in format
        ? rows * Math.ceil(columns / format.blockSize)
        : 0;
  switch (format.kind) {
    case "f32":
      return rows * columns * 4;
    case "f16":
      return rows * columns * 2;
    case "int8":
      return blocks * (format.blockSize + 4);
    case "int4":
      return blocks * (format.blockSize / 2 + 4) + (format.zeroPoints ? rows * Math.ceil(blocks / rows / 2) : 0);
    case "nf4":
      return blocks * 32 + (format.nested ? Math.ceil(blocks / 256) * 260 + 1028 : blocks * 4);
    case "w8a8":
      return rows * (columns + 4);
    default:
      return format satisfies never;
  }
}
