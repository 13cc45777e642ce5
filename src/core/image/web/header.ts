/**
 * Size and orientation of an image by its header, for the formats that people send most; AVIF is left to the decoder. [PNG 3rd edition,
 * 5.3, 11.2.1, 11.3.3.4; ITU-T T.81, B.2; RFC 9649, 2.3 to 2.7; GIF89a, 18; Exif 2.32, 4.6] The bytes are not trusted: what does
 * not fit is undefined, and the decoder says what is wrong.
 */
import type { ImageSize } from "../loaded/index.js";

export function headerSize(bytes: Uint8Array): ImageSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = readers.find(([start]) => within(() => start.every((value, i) => bytes[i] === value)));
  return reader && within(() => reader[1](view));
}

type Reader = (view: DataView) => ImageSize | undefined;

const readers: readonly (readonly [start: readonly number[], read: Reader])[] = [
  [[0x89, 0x50, 0x4e, 0x47], pngSize],
  [[0xff, 0xd8], jpegSize],
  [[0x52, 0x49, 0x46, 0x46], webpSize], // RIFF
  [[0x47, 0x49, 0x46, 0x38], (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) })],
];

/** Undefined where the bytes end before. */
function within<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function sized(width: number, height: number, orientation: number | undefined): ImageSize {
  return { width, height, ...(orientation !== undefined && { orientation }) };
}

/** A chunk: its length, its name, so many bytes, a checksum. */
function pngSize(view: DataView): ImageSize {
  const orientation = within(() => {
    for (let at = 8; ; at += 12 + view.getUint32(at)) {
      const name = view.getUint32(at + 4);
      if (name === 0x65584966) return tiffOrientation(view, at + 8); // eXIf
      if (name === 0x49454e44) return undefined; // IEND
    }
  });
  return sized(view.getUint32(16), view.getUint32(20), orientation);
}

/** Segments up to the first frame header. */
function jpegSize(view: DataView): ImageSize | undefined {
  let orientation: number | undefined;
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++; // fill bytes
      continue;
    }
    if (marker < 0xffc0) return undefined;
    const length = view.getUint16(at + 2);
    if (length < 2) return undefined;
    const isFrame = marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return sized(view.getUint16(at + 7), view.getUint16(at + 5), orientation);
    if (marker === 0xffe1) orientation ??= within(() => exifOrientation(view, at + 4));
    at += 2 + length;
  }
}

/** A chunk: its name, its length, so many bytes, and one more where they are odd. The first one is the image, or says what else there is. */
function webpSize(view: DataView): ImageSize | undefined {
  const data = 20;
  switch (view.getUint32(12)) {
    case 0x56503820: // "VP8 "
      return sized(view.getUint16(data + 6, true) & 0x3fff, view.getUint16(data + 8, true) & 0x3fff, undefined);
    case 0x5650384c: {
      const bits = view.getUint32(data + 1, true); // VP8L
      return sized((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1, undefined);
    }
    case 0x56503858: {
      const side = (at: number) => (view.getUint16(at, true) | (view.getUint8(at + 2) << 16)) + 1; // VP8X
      return sized(
        side(data + 4),
        side(data + 7),
        within(() => webpOrientation(view, data + 10)),
      );
    }
    default:
      return undefined;
  }
}

function webpOrientation(view: DataView, first: number): number | undefined {
  for (let at = first; ; ) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint32(at) === 0x45584946) return exifOrientation(view, at + 8) ?? tiffOrientation(view, at + 8); // EXIF
    at += 8 + length + (length % 2);
  }
}

/** "Exif" and two zeros before a TIFF header. */
function exifOrientation(view: DataView, at: number): number | undefined {
  return view.getUint32(at) === 0x45786966 ? tiffOrientation(view, at + 6) : undefined;
}

/** The first directory may say how rows are to be turned. */
function tiffOrientation(view: DataView, tiff: number): number | undefined {
  const isLittle = view.getUint16(tiff) === 0x4949;
  const directory = tiff + view.getUint32(tiff + 4, isLittle);
  const numEntries = view.getUint16(directory, isLittle);
  for (let i = 0; i < numEntries; i++) {
    const entry = directory + 2 + 12 * i;
    if (view.getUint16(entry, isLittle) !== 0x0112) continue;
    const value = view.getUint16(entry + 8, isLittle);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
