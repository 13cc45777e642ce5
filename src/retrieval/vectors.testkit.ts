/** Vectors for tests: in clusters, as those of pictures are, from a seed. */

/** @returns `next(i)`: a vector of length one near the centre of cluster i. */
export function clustered(
  dimensions: number,
  numClusters: number,
  spread = 0.6,
  seed = 1,
): (i: number) => Float32Array {
  const random = uniform(seed);
  const centres = Array.from({ length: numClusters }, () => Float32Array.from({ length: dimensions }, random));
  return (i) => unit(centres[i % numClusters]!.map((value) => value + spread * random()));
}

/** From −0.5 to 0.5. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes
    return state / 2 ** 32 - 0.5;
  };
}

export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return vector.map((x) => x / length);
}
