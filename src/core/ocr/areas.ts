/** The connected areas of a mask, as their rows: leftmost and rightmost pixels are all that the hull of an area needs. */

export interface Area {
  readonly top: number;
  /** Of each row from `top` on. */
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/** Pixels that touch, corners too, are one area. @param mask is cleared on the way */
export function* areasOf(mask: Uint8Array, width: number, height: number): Generator<Area> {
  const stack = new Int32Array(mask.length); // a pixel is put there once
  const left = new Int32Array(height).fill(width);
  const right = new Int32Array(height).fill(-1);
  for (let start = 0; start < mask.length; start++) {
    if (mask[start] === 0) continue;
    const rows = fill(start);
    yield { top: rows.top, left: left.slice(rows.top, rows.end), right: right.slice(rows.top, rows.end) };
    left.fill(width, rows.top, rows.end);
    right.fill(-1, rows.top, rows.end);
  }

  function fill(start: number): { readonly top: number; readonly end: number } {
    const top = Math.floor(start / width); // rows above have no pixel left
    let end = top;
    let depth = 0;
    mask[start] = 0;
    stack[depth++] = start;
    while (depth > 0) {
      const at = stack[--depth]!;
      const y = Math.floor(at / width);
      const x = at - y * width;
      left[y] = Math.min(left[y]!, x);
      right[y] = Math.max(right[y]!, x);
      end = Math.max(end, y + 1);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (mask[next] === 0) continue;
          mask[next] = 0;
          stack[depth++] = next;
        }
    }
    return { top, end };
  }
}
