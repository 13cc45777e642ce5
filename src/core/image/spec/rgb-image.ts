/** Decoded pictures: 8-bit sRGB, no alpha. Everything that comes after decoding takes this shape and no other. */
import { OcellusError } from "../../base/index.js";

export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] */
  readonly data: Uint8Array;
  /** Set where a JPEG's luma lies here as its file tells it: the steps of its 8 × 8 frequencies, row by row. */
  readonly lumaSteps?: Uint16Array | undefined;
}

export function isRgbImage(input: unknown): input is RgbImage {
  return typeof input === "object" && input !== null && "width" in input && "height" in input && "data" in input;
}

/** JPEG's own limit on a side. Longer sides exist only in crafted files, and the resize tables grow with the side. */
const maxSide = 65_535;

/** @throws `invalid_image` for a side of zero, `too_large` past 65,535 a side or `maxPixels` in all. */
export function checkSize(source: string, width: number, height: number, maxPixels: number): void {
  const details = { width, height, maxPixels, maxSide };
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new OcellusError("invalid_image", `${source}: an image of ${width} by ${height} pixels is none`, {
      details,
    });
  if (width <= maxSide && height <= maxSide && width * height <= maxPixels) return;
  throw new OcellusError(
    "too_large",
    `${source}: ${width} by ${height} pixels, at most ${maxPixels} pixels and ${maxSide} a side are accepted; ` +
      "scale the image down first, or raise maxPixels",
    { details },
  );
}

/** @throws as `checkSize`, and `invalid_image` when the data is not [height, width, 3]. */
export function checkRgbImage(image: RgbImage, maxPixels = Number.POSITIVE_INFINITY): void {
  const { width, height, data } = image;
  checkSize("RGB image", width, height, maxPixels);
  if (data instanceof Uint8Array && data.length === width * height * 3) return;
  throw new OcellusError(
    "invalid_image",
    `RGB image of ${width} by ${height}: expected a Uint8Array of ${width * height * 3} bytes ([height, width, 3]), ` +
      `found ${data?.length} elements`,
    { details: { width, height, expected: width * height * 3, found: data?.length } },
  );
}

/** The part within a box [left, top, right, bottom], in whole pixels around it, at least one. */
export function cropped({ width, height, data }: RgbImage, [left, top, right, bottom]: readonly number[]): RgbImage {
  const [x, y] = [Math.min(Math.floor(left!), width - 1), Math.min(Math.floor(top!), height - 1)];
  const part = { width: Math.max(1, Math.ceil(right!) - x), height: Math.max(1, Math.ceil(bottom!) - y) };
  const pixels = new Uint8Array(part.width * part.height * 3);
  for (let row = 0; row < part.height; row++) {
    const from = ((y + row) * width + x) * 3;
    pixels.set(data.subarray(from, from + part.width * 3), row * part.width * 3);
  }
  return { ...part, data: pixels };
}
