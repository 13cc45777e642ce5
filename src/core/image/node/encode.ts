/** Pictures → files: exactly their pixels, or small ones for people to look at. */
import { type DecodeOptions, decodeAndDigest, type ImageInput, LoadedImage } from "../loaded/index.js";
import type { RgbImage } from "../spec/index.js";
import { loadSharp } from "./sharp.js";

/** Without loss. */
export async function encodePng({ width, height, data }: RgbImage): Promise<Uint8Array> {
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
}

/**
 * The image at another size, for an engine elsewhere: JPEG where it was lossy before (quality 95, colours at full resolution), else
 * PNG, which keeps every pixel.
 */
export async function encodeSized(
  { width, height, data }: RgbImage,
  size: { readonly width: number; readonly height: number },
  isLossy: boolean,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  const isSame = size.width === width && size.height === height;
  const sized = isSame ? image : image.resize({ ...size, fit: "fill", kernel: "lanczos3" });
  return isLossy ? sized.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer() : sized.png().toBuffer();
}

/** The picture as `decodeImage` sees it, at most `maxSide` pixels a side, as WebP. @throws as `decodeImage`. */
export async function thumbnail(input: ImageInput, maxSide: number, options: DecodeOptions = {}): Promise<Uint8Array> {
  const { image } = await decodeAndDigest(await LoadedImage.of(input).take(options), options);
  const { width, height, data } = image;
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .resize({ width: maxSide, height: maxSide, fit: "inside", withoutEnlargement: true })
    .webp({ quality: 88 })
    .toBuffer();
}
