/** How coarsely a JPEG's luma is coded: its quantisation table, read from the header [ITU-T T.81, B.2]. */

const marker = { startOfImage: 0xd8, quantisation: 0xdb, scan: 0xda, end: 0xd9 } as const;
/** Baseline, extended and progressive frames of Huffman or arithmetic coding; lossless and hierarchical ones have no table or several. */
const frames = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);

/** Of 8 × 8 frequencies row by row, the step in which each is told; undefined where the bytes are no such JPEG. */
export function jpegLumaSteps(bytes: Uint8Array): Uint16Array | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== marker.startOfImage) return undefined;
  const tables = new Map<number, Uint16Array>();
  let luma: number | undefined;
  for (const [kind, segment] of segments(bytes)) {
    if (kind === marker.quantisation) readTables(segment, tables);
    else if (frames.has(kind)) luma = segment[8]; // precision, height, width, count, then of the first component id, sampling, table
  }
  return luma === undefined ? undefined : tables.get(luma);
}

/** Up to the first scan: what a decoder has read before it reads pixels. */
function* segments(bytes: Uint8Array): Generator<readonly [kind: number, segment: Uint8Array]> {
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return;
    const kind = bytes[at + 1]!;
    if (kind === 0xff)
      at++; // padding
    else {
      if (kind === marker.scan || kind === marker.end) return;
      const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
      yield [kind, bytes.subarray(at + 4, at + 2 + length)];
      at += 2 + Math.max(2, length);
    }
  }
}

function readTables(segment: Uint8Array, into: Map<number, Uint16Array>): void {
  for (let at = 0; at < segment.length; ) {
    const [isWide, id] = [segment[at]! >> 4, segment[at]! & 15];
    const size = isWide ? 2 : 1;
    const values = segment.subarray(at + 1, at + 1 + 64 * size);
    if (values.length < 64 * size) return;
    const table = new Uint16Array(64);
    for (const [i, place] of zigzag.entries())
      table[place] = isWide ? values[2 * i]! * 256 + values[2 * i + 1]! : values[i]!;
    into.set(id, table);
    at += 1 + 64 * size;
  }
}

/** The places in rows of what is stored from low to high frequencies, diagonal by diagonal. */
const zigzag = Array.from({ length: 64 }, (_, place) => place).sort((a, b) => order(a) - order(b));

function order(place: number): number {
  const [row, column] = [place >> 3, place & 7];
  const diagonal = row + column;
  return diagonal * 8 + (diagonal % 2 === 0 ? column : row);
}
