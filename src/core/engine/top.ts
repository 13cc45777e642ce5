/** The largest values of a long array (Qwen's vocabulary has 151,936) without sorting all of it. */

/** Indices of the `count` largest values, largest first; of equal values the lower index. One pass with a min-heap. */
export function topIndices(values: Float32Array, count: number): number[] {
  const heap: number[] = [];
  const size = Math.min(count, values.length);
  const isLess = (i: number, j: number) => values[i]! < values[j]! || (values[i]! === values[j]! && i > j);
  for (let i = 0; i < values.length && size > 0; i++) {
    if (heap.length < size) {
      heap.push(i);
      siftUp(heap, isLess);
    } else if (values[i]! > values[heap[0]!]!) {
      // of equal values the lower index is there already
      heap[0] = i;
      siftDown(heap, isLess);
    }
  }
  return heap.sort((i, j) => (isLess(i, j) ? 1 : -1));
}

type IsLess = (i: number, j: number) => boolean;

function siftUp(heap: number[], isLess: IsLess): void {
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isLess(heap[at]!, heap[parent]!)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function siftDown(heap: number[], isLess: IsLess): void {
  for (let at = 0; ; ) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && isLess(heap[child]!, heap[least]!)) least = child;
    }
    if (least === at) return;
    swap(heap, at, least);
    at = least;
  }
}

function swap(heap: number[], i: number, j: number): void {
  [heap[i], heap[j]] = [heap[j]!, heap[i]!];
}

const numBuckets = 4096;
const deepest = 40; // exp(-40) is 4e-18: a million tokens so far below the best hold nothing

/**
 * The fewest most likely indices whose softmax at `temperature` reaches `topP`, at least one; of equal values the lower
 * index first. Masses are summed in buckets by depth below the `largest` value; only the one with the cut is sorted.
 */
export function nucleus(values: Float32Array, largest: number, temperature: number, topP: number): number[] {
  const buckets = new Uint16Array(values.length);
  const masses = new Float64Array(numBuckets);
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const depth = (largest - values[i]!) / temperature;
    const weight = Math.exp(-depth);
    const bucket = Math.min(numBuckets - 1, Math.floor(depth * (numBuckets / deepest)));
    buckets[i] = bucket;
    masses[bucket]! += weight;
    total += weight;
  }
  const goal = topP * total;
  let cut = 0;
  let held = 0;
  while (cut < numBuckets - 1 && held + masses[cut]! < goal) held += masses[cut++]!;
  const kept: number[] = [];
  const edge: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (buckets[i]! < cut) kept.push(i);
    else if (buckets[i] === cut) edge.push(i);
  }
  for (const i of edge.sort((i, j) => values[j]! - values[i]! || i - j)) {
    if (held >= goal && kept.length > 0) break;
    kept.push(i);
    held += Math.exp((values[i]! - largest) / temperature);
  }
  return kept;
}
