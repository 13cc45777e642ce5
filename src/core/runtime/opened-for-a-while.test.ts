import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OpenedForAWhile } from "./opened-for-a-while.js";

describe("what is opened for a while", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const counted = () => {
    const counts = { opened: 0, closed: 0 };
    const open = async () => {
      counts.opened++;
      return { close: async () => void counts.closed++ };
    };
    return { counts, kept: new OpenedForAWhile(open, 1000) };
  };

  it("is opened once for uses that follow each other, and closed when none has come for so long", async () => {
    const { counts, kept } = counted();
    for (let i = 0; i < 3; i++) {
      await kept.use(async () => {});
      await vi.advanceTimersByTimeAsync(999);
    }
    expect(counts).toEqual({ opened: 1, closed: 0 });
    await vi.advanceTimersByTimeAsync(1);
    expect(counts).toEqual({ opened: 1, closed: 1 });
    await kept.use(() => vi.advanceTimersByTimeAsync(5000));
    expect(counts).toEqual({ opened: 2, closed: 1 });
    await kept.close();
    await vi.advanceTimersByTimeAsync(5000);
    expect(counts).toEqual({ opened: 2, closed: 2 });
  });

  it("is kept where the work fails, and opened again where opening failed", async () => {
    const { counts, kept } = counted();
    const failed = new Error("work");
    await expect(kept.use(() => Promise.reject(failed))).rejects.toBe(failed);
    await kept.use(async () => {});
    expect(counts).toEqual({ opened: 1, closed: 0 });
    let numTries = 0;
    const fragile = new OpenedForAWhile(async () => {
      if (numTries++ === 0) throw failed;
      return { close: async () => {} };
    }, 1000);
    await expect(fragile.use(async () => 7)).rejects.toBe(failed);
    expect(await fragile.use(async () => 7)).toBe(7);
  });
});
