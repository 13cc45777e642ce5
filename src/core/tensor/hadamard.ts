/**
 * Hadamard matrices: orthogonal, symmetric, all entries of one size. Turning the columns of both sides of a product by one leaves
 * the product as it is, and a column that was much larger than its neighbours is spread over all of its group.
 */

/** Columns that are turned together: the largest power of two that divides `columns`, 32 at most. */
export function rotationSize(columns: number): number {
  let size = 1;
  while (size < 32 && columns % (2 * size) === 0) size *= 2;
  return size;
}

/** [size, size], its rows of length 1; the size is a power of two. [Sylvester 1867] */
export function hadamard(size: number): Float32Array {
  const entry = 1 / Math.sqrt(size);
  return Float32Array.from({ length: size * size }, (_, i) => entry * sign(Math.floor(i / size) & (i % size)));
}

/** -1 to the number of ones in the binary digits. */
function sign(bits: number): number {
  let odd = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) odd ^= 1;
  return odd === 1 ? -1 : 1;
}

/** Turns rows of `columns` values group by group, in place; turned twice they are as before, but for rounding. */
export function rotateColumns(values: Float32Array, columns: number): void {
  const size = rotationSize(columns);
  const scale = Math.fround(1 / Math.sqrt(size));
  for (let start = 0; start < values.length; start += size) {
    let half = 1;
    for (; 4 * half <= size; half *= 4) twoSteps(values, start, size, half);
    if (half < size) oneStep(values, start, size, half);
    for (let i = start; i < start + size; i++) values[i]! *= scale;
  }
}

/** Sums and differences of values `half` apart. */
function oneStep(values: Float32Array, start: number, size: number, half: number): void {
  for (let at = start; at < start + size; at += 2 * half) {
    for (let i = at; i < at + half; i++) {
      const [a, b] = [values[i]!, values[i + half]!];
      values[i] = a + b;
      values[i + half] = a - b;
    }
  }
}

/** The steps of `half` and of twice `half` at once: half as many reads and writes. */
function twoSteps(values: Float32Array, start: number, size: number, half: number): void {
  for (let at = start; at < start + size; at += 4 * half) {
    for (let i = at; i < at + half; i++) {
      const a = values[i]!;
      const b = values[i + half]!;
      const c = values[i + 2 * half]!;
      const d = values[i + 3 * half]!;
      const [ab, aMinusB, cd, cMinusD] = [a + b, a - b, c + d, c - d];
      values[i] = ab + cd;
      values[i + half] = aMinusB + cMinusD;
      values[i + 2 * half] = ab - cd;
      values[i + 3 * half] = aMinusB - cMinusD;
    }
  }
}
