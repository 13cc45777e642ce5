import { describe, expect, it } from "vitest";
import { Lane } from "./lane.js";

describe("a lane", () => {
  it("runs so many at once, the others in the order of arrival, also after a failure", async () => {
    const lane = new Lane(2);
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
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map((i) => lane.run(work(i))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", ...Array(3).fill("fulfilled")]);
    expect({ most, order }).toEqual({ most: 2, order: [0, 1, 2, 3, 4] });
  });

  it("lets whoever gives up leave the line, and nobody behind waits for it", async () => {
    const lane = new Lane(1);
    let finish = () => {};
    const first = lane.run(() => new Promise<void>((resolve) => (finish = resolve)));
    const leaving = new AbortController();
    let hasRun = false;
    const second = lane.run(async () => (hasRun = true), leaving.signal);
    const third = lane.run(async () => "third");
    leaving.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    finish();
    await first;
    expect([await third, hasRun]).toEqual(["third", false]);
    await expect(lane.run(async () => 1, leaving.signal)).rejects.toMatchObject({ code: "aborted" });
    expect(await lane.run(async () => 2)).toBe(2);
  });
});
