/**
 * BMP reader, because the image library has none: uncompressed 24- and 32-bit pixels and palettes of 1, 4 and 8 bits.
 * That is what paint programs and screenshots write; run-length and 16-bit files are refused. The 32-bit form's fourth
 * byte is padding by the format's letter and is not taken for alpha.
 * Origin: BITMAPFILEHEADER, BITMAPINFOHEADER [https://learn.microsoft.com/windows/win32/gdi/bitmap-storage].
 */
import { OcellusError } from "../../base/index.js";
import { checkSize, type RgbImage } from "./rgb-image.js";

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bitsPerPixel: number;
  readonly pixelOffset: number;
  readonly paletteOffset: number;
}

/** @throws `invalid_image` when truncated, `unsupported` for other encodings, `too_large` before any pixel is read. */
export function decodeBmp(bytes: Uint8Array, source: string, maxPixels: number): RgbImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view, source);
  const { width, height, bitsPerPixel, pixelOffset } = header;
  checkSize(source, width, height, maxPixels);
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  if (pixelOffset + rowBytes * height > bytes.length)
    throw new OcellusError(
      "invalid_image",
      `${source}: the BMP is truncated: expected ${pixelOffset + rowBytes * height} bytes, found ${bytes.length}`,
      { details: { format: "bmp", expected: pixelOffset + rowBytes * height, found: bytes.length } },
    );
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = pixelOffset + (header.topDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++) {
      const bgr = colourOffset(bytes, header, row, x);
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = bytes[bgr + 2 - c] ?? 0;
    }
  }
  return { width, height, data };
}

/** @throws as `decodeBmp`. */
export function bmpSize(bytes: Uint8Array, source: string): { readonly width: number; readonly height: number } {
  return readHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), source);
}

function readHeader(view: DataView, source: string): BmpHeader {
  if (view.byteLength < 54)
    throw new OcellusError(
      "invalid_image",
      `${source}: the BMP is truncated in its header (${view.byteLength} bytes)`,
      {
        details: { format: "bmp", found: view.byteLength },
      },
    );
  const headerBytes = view.getUint32(14, true);
  const bitsPerPixel = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  if (headerBytes < 40 || !usesPlainPixels(view, compression, bitsPerPixel))
    throw new OcellusError(
      "unsupported",
      `${source}: expected an uncompressed BMP of 1, 4, 8, 24 or 32 bits, found ${bitsPerPixel} bits with compression ` +
        `${compression} and a header of ${headerBytes} bytes; convert it to PNG`,
      { details: { format: "bmp", bitsPerPixel, compression, headerBytes } },
    );
  const height = view.getInt32(22, true);
  return {
    width: view.getInt32(18, true),
    height: Math.abs(height),
    topDown: height < 0,
    bitsPerPixel,
    pixelOffset: view.getUint32(10, true),
    paletteOffset: 14 + headerBytes,
  };
}

/** Compression 0, or 3 (bit fields) with the masks that spell the same byte order. */
function usesPlainPixels(view: DataView, compression: number, bitsPerPixel: number): boolean {
  if (compression === 0) return [1, 4, 8, 24, 32].includes(bitsPerPixel);
  const masks = [0xff0000, 0xff00, 0xff];
  return (
    compression === 3 &&
    bitsPerPixel === 32 &&
    view.byteLength >= 66 &&
    masks.every((mask, i) => view.getUint32(54 + 4 * i, true) === mask)
  );
}

/** Where the blue, green, red bytes of pixel `x` lie: in the row itself, or in the palette. */
function colourOffset(bytes: Uint8Array, header: BmpHeader, row: number, x: number): number {
  const bits = header.bitsPerPixel;
  if (bits >= 24) return row + x * (bits / 8);
  const byte = bytes[row + ((x * bits) >> 3)]!;
  const index = (byte >> (8 - bits - ((x * bits) & 7))) & (2 ** bits - 1);
  return header.paletteOffset + index * 4;
}
