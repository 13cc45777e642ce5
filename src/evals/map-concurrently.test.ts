import { describe, expect, it } from "vitest";
import { mapConcurrently } from "./map-concurrently.js";

const tick = () => new Promise<void>((done) => setTimeout(done, 1));

describe("mapConcurrently", () => {
  it("keeps the order and never runs more than it may", async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrently([3, 1, 2, 5, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      for (let i = 0; i < item; i++) await tick();
      running--;
      return item * 10;
    });
    expect(results).toEqual([30, 10, 20, 50, 40]);
    expect(most).toBe(2);
  });

  it("throws the first error after all work in hand has ended, and starts no more", async () => {
    const ended: number[] = [];
    const broken = new Error("broken");
    const failing = mapConcurrently([1, 2, 3, 4, 5, 6], 2, async (item) => {
      await tick();
      if (item === 1) throw broken;
      await tick();
      ended.push(item);
    });
    await expect(failing).rejects.toBe(broken);
    expect(ended).toEqual([2]);
  });

  it("reads a source as items are needed, in order, and closes it when work fails", async () => {
    let numRead = 0;
    let isClosed = false;
    async function* numbers() {
      try {
        while (true) yield numRead++;
      } finally {
        isClosed = true;
      }
    }
    const seen: number[] = [];
    const broken = new Error("broken");
    const failing = mapConcurrently(numbers(), 2, async (item) => {
      seen.push(item);
      await tick();
      if (item === 4) throw broken;
    });
    await expect(failing).rejects.toBe(broken);
    expect(seen.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
    expect([isClosed, numRead < 8]).toEqual([true, true]);
  });
});
