/** What happens when in a simulation: a binary heap by time; what was added first comes first among equals. */

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  now = 0;

  add(delayMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: this.now + delayMs, order: this.#order++, run };
    let i = heap.push(event) - 1;
    while (i > 0 && isBefore(event, heap[(i - 1) >> 1]!)) {
      heap[i] = heap[(i - 1) >> 1]!;
      i = (i - 1) >> 1;
    }
    heap[i] = event;
  }

  /** Until nothing is left, or `isOver` says so. */
  run(isOver: () => boolean): void {
    for (let event = this.#take(); event && !isOver(); event = this.#take()) {
      this.now = event.at;
      event.run();
    }
  }

  #take(): Event | undefined {
    const heap = this.#heap;
    const [first, last] = [heap[0], heap.pop()];
    if (heap.length === 0 || !last) return first;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
