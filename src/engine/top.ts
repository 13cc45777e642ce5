/** The largest values of a long array without sorting all of it. */

/** Indices of the `count` largest values, largest first; of equal values the lower index. One pass with a min-heap. */
export function topIndices(values: Float32Array, count: number): number[] {
  const heap: number[] = [];
  const size = Math.min(count, values.length);
  const isLess = (i: number, j: number) => values[i]! < values[j]! || (values[i]! === values[j]! && i > j);
  for (let i = 0; i < values.length && size > 0; i++) {
    if (heap.length < size) {
      heap.push(i);
      siftUp(heap, isLess);
    } else if (isLess(heap[0]!, i)) {
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
