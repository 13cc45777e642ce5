/** Reproducible uniform numbers: sfc32 (Chris Doty-Humphrey, PractRand), seeded through 12 warm-up rounds. */

/** A generator of numbers in [0, 1); equal seeds give equal sequences on every machine. */
export function createRandom(seed: number | bigint): () => number {
  const bits = BigInt.asUintN(64, BigInt(seed));
  let [a, b, c, counter] = [Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, 0x9e3779b9 | 0, 1];
  const next = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
