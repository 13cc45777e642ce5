/** Sets of token ids: bit `id % 32` of word `id >> 5`. */

export function emptyBits(size: number): Uint32Array {
  return new Uint32Array((size + 31) >> 5);
}

/** Ids past the end are in no set. */
export function hasBit(bits: Uint32Array, id: number): boolean {
  return (((bits[id >> 5] ?? 0) >>> (id & 31)) & 1) === 1;
}

/** The one id of a set that has no other. */
export function onlyBit(bits: Uint32Array): number | undefined {
  let found: number | undefined;
  for (let word = 0; word < bits.length; word++) {
    const value = bits[word]!;
    if (value === 0) continue;
    if (found !== undefined || (value & (value - 1)) !== 0) return undefined;
    found = word * 32 + 31 - Math.clz32(value);
  }
  return found;
}

export function setBit(bits: Uint32Array, id: number): void {
  bits[id >> 5]! |= 1 << (id & 31);
}

export function clearBit(bits: Uint32Array, id: number): void {
  bits[id >> 5]! &= ~(1 << (id & 31));
}
