import { describe, expect, it } from "vitest";
import { ocellusError } from "./ocellus-error.testkit.js";
import { Semaphore } from "./semaphore.js";

describe("a semaphore", () => {
  it("runs so many at once, the others in the order of arrival, also after a failure", async () => {
    const semaphore = new Semaphore(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = (i: number) => async () => {
      most = Math.max(most, ++running);
      order.push(i);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      if (i === 1) throw new Error("one");
      return i;
    };
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map((i) => semaphore.run(work(i))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", ...Array(3).fill("fulfilled")]);
    expect({ most, order }).toEqual({ most: 2, order: [0, 1, 2, 3, 4] });
  });

  it("lends a place until it is given back, in the same line as work", async () => {
    const semaphore = new Semaphore(1);
    const release = semaphore.tryAcquire()!;
    expect(semaphore.tryAcquire()).toBeUndefined();
    const order: string[] = [];
    const work = semaphore.run(async () => void order.push("work"));
    const lent = semaphore.acquire().then((end) => {
      order.push("lent");
      return end;
    });
    const left = new AbortController();
    const leaving = semaphore.acquire(left.signal);
    left.abort();
    await expect(leaving).rejects.toMatchObject({ code: "aborted" });
    release();
    await work;
    (await lent)();
    expect(order).toEqual(["work", "lent"]);
    expect(semaphore).toMatchObject({ taken: 0, numWaiting: 0 });
  });

  it("lets an aborted waiter leave the line, and no one behind waits for it", async () => {
    const semaphore = new Semaphore(1);
    let finish = () => {};
    const first = semaphore.run(() => new Promise<void>((resolve) => (finish = resolve)));
    const leaving = new AbortController();
    let hasRun = false;
    const second = semaphore.run(async () => (hasRun = true), leaving.signal);
    const third = semaphore.run(async () => "third");
    leaving.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    finish();
    await first;
    expect([await third, hasRun]).toEqual(["third", false]);
    await expect(semaphore.run(async () => 1, leaving.signal)).rejects.toMatchObject({ code: "aborted" });
    expect(await semaphore.run(async () => 2)).toBe(2);
  });

  it("weighs what runs, lets nothing light slip past something heavy, and no one wait for one that has left", async () => {
    const semaphore = new Semaphore(10);
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const work = (name: string) => () =>
      new Promise<void>((resolve) => {
        begun.push(name);
        ends.set(name, resolve);
      });
    const leaving = new AbortController();
    const first = semaphore.run(work("six"), undefined, 6);
    const heavy = semaphore.run(work("seven"), leaving.signal, 7);
    const light = [semaphore.run(work("three"), undefined, 3), semaphore.run(work("one"), undefined, 1)];
    await Promise.resolve();
    expect([begun, semaphore.taken, semaphore.numWaiting]).toEqual([["six"], 6, 3]);
    leaving.abort();
    await expect(heavy).rejects.toMatchObject({ code: "aborted" });
    expect([begun, semaphore.taken, semaphore.numWaiting]).toEqual([["six", "three", "one"], 10, 0]);
    for (const end of ends.values()) end();
    await Promise.all([first, ...light]);
    expect(semaphore.taken).toBe(0);
    await expect(semaphore.run(work("eleven"), undefined, 11)).rejects.toThrow(
      ocellusError("internal", { found: 11, limit: 10 }),
    );
  });
});
