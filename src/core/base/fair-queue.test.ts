import { describe, expect, it } from "vitest";
import { FairQueue, type QueueOwner } from "./fair-queue.js";

const queueOwner = (owner: string, request = "1"): QueueOwner => ({ owner, request });
const drained = <T>(queue: FairQueue<T>) => Array.from({ length: queue.size }, () => queue.shift());

describe("a fair queue", () => {
  it("is a line where all is one's own", () => {
    const queue = new FairQueue<number>();
    for (let i = 0; i < 5; i++) queue.push(i);
    expect([queue.peek(), drained(queue), queue.peek(), queue.shift()]).toEqual([
      0,
      [0, 1, 2, 3, 4],
      undefined,
      undefined,
    ]);
  });

  it("gives owners turns, and of one owner its requests", () => {
    const queue = new FairQueue<string>();
    for (const piece of ["a", "b", "c", "d"]) queue.push(`crowd 1${piece}`, queueOwner("crowd", "1"));
    for (const piece of ["a", "b"]) queue.push(`crowd 2${piece}`, queueOwner("crowd", "2"));
    queue.push("guest", queueOwner("guest"));
    expect(drained(queue)).toEqual(["crowd 1a", "guest", "crowd 2a", "crowd 1b", "crowd 2b", "crowd 1c", "crowd 1d"]);
  });

  it("whoever comes waits for at most one piece of each other owner, whatever the others have sent", () => {
    let seed = 7;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 1;
      return seed % n;
    };
    for (let round = 0; round < 200; round++) {
      const queue = new FairQueue<string>();
      const others = Array.from({ length: 1 + random(5) }, (_, i) => `other ${i}`);
      for (let i = 0; i < 50; i++) {
        const owner = others[random(others.length)]!;
        queue.push(owner, queueOwner(owner, String(random(3))));
        if (random(3) === 0) queue.shift();
      }
      queue.push("guest", queueOwner("guest"));
      const order = drained(queue);
      const before = order.slice(0, order.indexOf("guest"));
      expect(new Set(before).size).toBe(before.length);
    }
  });

  it("forgets what leaves, and takes nothing out twice", () => {
    const queue = new FairQueue<string>();
    queue.push("a", queueOwner("one"));
    queue.push("b", queueOwner("two"));
    expect([
      queue.remove("a", queueOwner("one")),
      queue.remove("a", queueOwner("one")),
      queue.remove("b", queueOwner("one")),
    ]).toEqual([true, false, false]);
    expect([queue.size, queue.peek(), queue.clear(), queue.size, queue.peek()]).toEqual([1, "b", ["b"], 0, undefined]);
  });
});
