/** How coarsely a JPEG's luma is told: its quantisation table, read from the header [ITU-T T.81, B.2; Adobe's marker: T.872, 6.5.3]. */

const marker = { startOfImage: 0xd8, quantisation: 0xdb, scan: 0xda, end: 0xd9, adobe: 0xee } as const;
/** Baseline, extended and progressive frames; lossless ones have no table, hierarchical ones several. */
const frames = new Set([0xc0, 0xc1, 0xc2, 0xc9, 0xca]);

/** Of 8 × 8 frequencies row by row, the step in which each is told; undefined where the bytes are no JPEG of luma in 8 bits. */
export function jpegLumaSteps(bytes: Uint8Array): Uint16Array | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== marker.startOfImage) return undefined;
  const tables = new Map<number, Uint16Array>();
  let table: number | undefined;
  for (const [kind, segment] of segments(bytes)) {
    if (kind === marker.quantisation) readTables(segment, tables);
    else if (frames.has(kind)) table = lumaTable(segment);
    else if (kind === marker.adobe && segment[11] === 0) return undefined; // red, green and blue
  }
  return table === undefined ? undefined : tables.get(table);
}

/** Up to the first scan: what a decoder has read before it reads pixels. */
function* segments(bytes: Uint8Array): Generator<readonly [kind: number, segment: Uint8Array]> {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const kind = bytes[at + 1]!;
    if (kind === marker.scan || kind === marker.end) return;
    if (kind === 0xff) {
      at++; // padding
      continue;
    }
    const length = Math.max(2, bytes[at + 2]! * 256 + bytes[at + 3]!);
    yield [kind, bytes.subarray(at + 4, at + 2 + length)];
    at += 2 + length;
  }
}

/** Of a frame's first component: precision, height (2), width (2), count, then of each id, sampling, table. */
function lumaTable(frame: Uint8Array): number | undefined {
  const [precision, count, id] = [frame[0], frame[5], frame[6]];
  const isRed = count === 3 && id === 0x52; // "R": how a file without any marker says it
  return precision === 8 && (count === 1 || count === 3) && !isRed ? frame[8] : undefined;
}

function readTables(segment: Uint8Array, into: Map<number, Uint16Array>): void {
  for (let at = 0; at < segment.length; ) {
    const [size, id] = [segment[at]! >> 4 ? 2 : 1, segment[at]! & 15];
    const values = segment.subarray(at + 1, at + 1 + 64 * size);
    if (values.length < 64 * size) return;
    const table = new Uint16Array(64);
    for (const [i, place] of zigzag.entries())
      table[place] = size === 2 ? values[2 * i]! * 256 + values[2 * i + 1]! : values[i]!;
    if (table.every((step) => step > 0)) into.set(id, table);
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
