/**
 * Size and orientation of an image by its header, for the formats that people send most. [PNG 3rd edition, 11.2.1; ITU-T T.81,
 * B.2; Exif 2.32, 4.6] Everything is somebody else's: what does not fit is undefined, and the decoder says what is wrong.
 */
import type { ImageSize } from "../loaded/index.js";

export function headerSize(bytes: Uint8Array): ImageSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x89504e47) return { width: view.getUint32(16), height: view.getUint32(20) };
    return view.getUint16(0) === 0xffd8 ? jpegSize(view) : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // it is cut short
    throw error;
  }
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
    if (isFrame) {
      const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
      return { ...size, ...(orientation !== undefined && { orientation }) };
    }
    if (marker === 0xffe1) orientation ??= exifOrientation(view, at + 4);
    at += 2 + length;
  }
}

/** "Exif", two zeros, then a TIFF header whose first directory may say how rows are to be turned. */
function exifOrientation(view: DataView, at: number): number | undefined {
  if (view.getUint32(at) !== 0x45786966) return undefined;
  const tiff = at + 6;
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
