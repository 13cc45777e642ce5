import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { CompareThread, comparesHere } from "./comparer.js";
import type { RgbPixels } from "./plane.js";

const noise = (seed: number): RgbPixels => ({
  width: 70,
  height: 50,
  data: Uint8Array.from({ length: 70 * 50 * 3 }, (_, i) => Math.imul(i + seed, 2654435761) >>> 24),
});

const threads: CompareThread[] = [];
function thread(): CompareThread {
  threads.push(new CompareThread());
  return threads.at(-1)!;
}
afterEach(async () => {
  await Promise.all(threads.splice(0).map((each) => each.close()));
});

describe("a thread that compares pictures", () => {
  it("sees and says what would be seen and said here, many at once", async () => {
    const there = thread();
    const steps = new Uint16Array(64).fill(3);
    const images = [1, 1, 2].map((seed, i) => ({ ...noise(seed), lumaSteps: i === 1 ? steps : undefined }));
    const looks = await Promise.all(images.map((image) => there.look(image)));
    expect(looks).toEqual(await Promise.all(images.map((image) => comparesHere.look(image))));
    const [first, again, other] = looks as [(typeof looks)[0], (typeof looks)[0], (typeof looks)[0]];
    expect(await Promise.all([there.compare(again, first), there.compare(other, first)])).toEqual([true, false]);
    expect(await Promise.all([comparesHere.compare(again, first), comparesHere.compare(other, first)])).toEqual([
      true,
      false,
    ]);
  });

  it("fails what it was asked when it dies, and starts again for the next", async () => {
    const there = thread();
    const started = vi.spyOn(Worker.prototype, "ref");
    const asked = there.look(noise(1));
    const worker = started.mock.contexts[0] as Worker;
    started.mockRestore();
    worker.emit("error", new Error("out of memory"));
    await expect(asked).rejects.toThrow(ocellusError("internal", { reason: "out of memory" }));
    await worker.terminate();
    expect((await there.look(noise(1))).width).toBe(70);
  });

  it("answers nothing when it is closed", async () => {
    const there = thread();
    const asked = there.look(noise(1));
    await Promise.all([there.close(), expect(asked).rejects.toMatchObject({ code: "closed" })]);
    await expect(there.look(noise(1))).rejects.toMatchObject({ code: "closed" });
  });
});
