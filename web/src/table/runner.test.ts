import { describe, expect, it } from "vitest";
import { ApiError } from "../api.js";
import { isOfServer, type RunOptions, runRows } from "./runner.js";

/** Asks numbers of a list; `answer` says what each question does. */
function run(count: number, answer: (item: number, signal: AbortSignal) => Promise<void>, part: object = {}) {
  const waiting = Array.from({ length: count }, (_, i) => i);
  const asked: number[] = [];
  const waits: number[] = [];
  const options: RunOptions<number> = {
    numAtOnce: 3,
    next: () => waiting.shift(),
    putBack: (item) => waiting.unshift(item),
    ask: (item, signal) => {
      asked.push(item);
      return answer(item, signal);
    },
    signal: new AbortController().signal,
    isPaused: () => false,
    sleep: async (ms) => void waits.push(ms),
    ...part,
  };
  return { done: runRows(options), waiting, asked, waits };
}

const busy = (retryAfterMs?: number) => new ApiError("busy", 429, "overloaded", null, null, retryAfterMs);

describe("asking about rows", () => {
  it("asks about each once, and no more at once than it may", async () => {
    let [now, most] = [0, 0];
    const { done, asked } = run(20, async () => {
      most = Math.max(most, ++now);
      await new Promise((next) => setTimeout(next));
      now--;
    });
    await done;
    expect([most, asked.toSorted((a, b) => a - b)]).toEqual([3, Array.from({ length: 20 }, (_, i) => i)]);
  });

  it("waits as long as the server says, and then asks again", async () => {
    let numRefused = 0;
    const { done, asked, waits, waiting } = run(
      3,
      async () => {
        if (numRefused++ < 2) throw busy(2500);
      },
      { numAtOnce: 1 },
    );
    await done;
    expect([asked, waits, waiting]).toEqual([[0, 0, 0, 1, 2], [2500, 2500], []]);
  });

  it("gives up on a server that never takes anything, and on one that is lost; the rows still wait", async () => {
    const never = run(3, async () => Promise.reject(busy()));
    await expect(never.done).rejects.toMatchObject({ status: 429 });
    expect(never.waiting.toSorted()).toEqual([0, 1, 2]);
    const lost = run(5, async () => Promise.reject(new ApiError("lost", 0, "unreachable")));
    await expect(lost.done).rejects.toMatchObject({ status: 0 });
    expect(lost.waiting.toSorted()).toEqual([0, 1, 2, 3, 4]);
  });

  it("asks for nothing more once it is paused, and puts back what it asks when it is ended", async () => {
    let isPaused = false;
    const paused = run(
      9,
      async () => {
        isPaused = true;
      },
      { isPaused: () => isPaused },
    );
    await paused.done;
    expect(paused.asked.length).toBeLessThanOrEqual(3);
    const ending = new AbortController();
    const ended = run(9, (_, signal) => new Promise((_done, fail) => signal.addEventListener("abort", fail)), {
      signal: ending.signal,
    });
    ending.abort();
    await ended.done;
    expect(ended.waiting.length).toBe(9);
  });

  it("tells what is the server's matter from what is the row's", () => {
    const statuses = [0, 400, 401, 403, 404, 413, 429, 500, 503];
    expect(statuses.filter((status) => isOfServer(new ApiError("", status)))).toEqual([0, 401, 403, 429, 503]);
  });
});
