/**
 * Bicubic interpolation along one axis, as PyTorch does it with align_corners=False: of each new place, the weights of the old ones.
 * [pytorch UpSampleBicubic2d.cpp, UpSampleKernel.cpp: a = -0.75, edges repeated; antialiased a = -0.5, wider where it shrinks]
 */

/** Keys' cubic convolution kernel. */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

/** [to][from] @param isSmoothed antialiased */
export function bicubicWeights(from: number, to: number, isSmoothed: boolean): number[][] {
  return Array.from({ length: to }, (_, i) => (isSmoothed ? smoothed : sampled)(from, to, i));
}

function sampled(from: number, to: number, i: number): number[] {
  const weights = new Array<number>(from).fill(0);
  const centre = ((i + 0.5) * from) / to - 0.5;
  for (let place = Math.floor(centre) - 1; place <= Math.floor(centre) + 2; place++) {
    const inside = Math.min(from - 1, Math.max(0, place));
    weights[inside]! += cubic(centre - place, -0.75);
  }
  return weights;
}

function smoothed(from: number, to: number, i: number): number[] {
  const scale = Math.max(1, from / to);
  const centre = ((i + 0.5) * from) / to;
  const low = Math.max(0, Math.floor(centre - 2 * scale + 0.5));
  const high = Math.min(from, Math.floor(centre + 2 * scale + 0.5));
  const raw = Array.from({ length: from }, (_, place) =>
    place >= low && place < high ? cubic((place + 0.5 - centre) / scale, -0.5) : 0,
  );
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}
