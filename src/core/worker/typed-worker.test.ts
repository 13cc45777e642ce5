import { afterAll, describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import type { WorkerOptions } from "./messages.js";
import type { TestMethods } from "./methods.testkit.js";
import { TypedWorker } from "./typed-worker.js";

const workers: TypedWorker<TestMethods>[] = [];
afterAll(() => Promise.all(workers.map((worker) => worker.close())));

describe.each(["thread", "process"] as const)("a worker that is a %s", (kind) => {
  function open(options: Partial<WorkerOptions> = {}) {
    const worker = new TypedWorker<TestMethods>({
      ...{ script: ["methods.testkit", import.meta.url], name: "the test's worker", kind, ...options },
    });
    workers.push(worker);
    return worker;
  }

  it("answers calls in their order, in one place that knows its data", async () => {
    const worker = open({ data: { a: [1] } });
    const done: number[] = [];
    const sums = [1, 2, 3].map((n) => worker.call("add", [n, n]).then((sum) => done.push(sum)));
    await Promise.all(sums);
    expect(done).toEqual([2, 4, 6]);
    const [first, second] = [await worker.call("where", []), await worker.call("where", [])];
    expect(first).toEqual(second);
    expect(first.data).toEqual({ a: [1] });
    expect((await worker.call("numbers", [3])).values).toEqual(Int32Array.of(0, 1, 2));
  });

  it("hands on what a method tells while it runs, to the caller of that method", async () => {
    const worker = open();
    const notes: unknown[] = [];
    const [three, two] = [worker.call("count", [3], { onNote: (note) => notes.push(note) }), worker.call("count", [2])];
    expect([await three, await two, notes]).toEqual([3, 2, [{ n: 1 }, { n: 2 }, { n: 3 }]]);
  });

  it("hands on our errors with code and details, and others as internal", async () => {
    const worker = open();
    await expect(worker.call("refuse", [])).rejects.toMatchObject({ code: "invalid_file", details: { field: "x" } });
    await expect(worker.call("fail", [])).rejects.toMatchObject({ code: "internal" });
    await expect(worker.call("add", [(() => 1) as never, 1])).rejects.toMatchObject({ code: "invalid_request" });
    expect(await worker.call("add", [1, 1])).toBe(2);
  });

  it.each([
    ["takes too long", "spin", { code: "timeout", details: { limit: "time" } }, { maxCallMs: 1500 }],
    ["ends its worker", "exit", { code: "internal" }, {}],
    ...(kind === "process"
      ? ([
          ["fills the memory", "fill", { code: "too_large", details: { limit: "memory" } }, { maxHeapMiB: 32 }],
        ] as const)
      : []),
  ] as const)("ends a call that %s, and answers the next ones in a new one", async (_, method, error, limits) => {
    const worker = open(limits);
    const before = await worker.call("where", []);
    const bad = worker.call(method, []);
    const [next, last] = [worker.call("where", []), worker.call("add", [2, 3])];
    await expect(bad).rejects.toMatchObject(error);
    expect((await next).place).not.toEqual(before.place);
    expect(await last).toBe(5);
  });

  it.runIf(kind === "process")("survives an allocation beyond all limits", async () => {
    const worker = open({ maxHeapMiB: 64 });
    const details = { limit: "memory" };
    await expect(worker.call("fillAtOnce", [])).rejects.toMatchObject({ code: "too_large", details });
    expect(await worker.call("add", [1, 2])).toBe(3);
  });

  it("ends a worker that does not start, and the call that waited for it", async () => {
    const worker = open({ script: ["never-ready.testkit", import.meta.url], maxStartMs: 300 });
    const details = { limit: "start", maxStartMs: 300 };
    await expect(worker.call("add", [1, 2])).rejects.toMatchObject({ code: "unavailable", details });
    await expect(worker.call("add", [1, 2])).rejects.toMatchObject({ code: "unavailable", details });
  });

  it("lets the caller name the error of a limit", async () => {
    const limitError = (limit: string) => new OcellusError("invalid_config", "mine", { details: { limit } });
    const worker = open({ maxCallMs: 100, limitError });
    await expect(worker.call("spin", [])).rejects.toMatchObject({ code: "invalid_config", details: { limit: "time" } });
  });

  it("drops an aborted call, waiting or running, and no other", async () => {
    const worker = open({ maxCallMs: 1000 });
    const [running, waiting] = [new AbortController(), new AbortController()];
    await worker.call("add", [0, 0]);
    const spinning = worker.call("spin", [], { signal: running.signal });
    const queued = worker.call("add", [1, 1], { signal: waiting.signal });
    const kept = worker.call("add", [2, 2]);
    running.abort();
    waiting.abort();
    await expect(spinning).rejects.toMatchObject({ code: "aborted" });
    await expect(queued).rejects.toMatchObject({ code: "aborted" });
    expect(await kept).toBe(4); // behind the one that was still spinning
    await expect(worker.call("add", [1, 1], { signal: running.signal })).rejects.toMatchObject({ code: "aborted" });
  });

  it("fails what is not done when it is closed, and what comes later", async () => {
    const worker = open();
    await worker.call("add", [0, 0]);
    const open2 = [worker.call("spin", []), worker.call("add", [1, 1])];
    const closing = worker.close();
    for (const call of open2) await expect(call).rejects.toMatchObject({ code: "closed" });
    await closing;
    await worker.close();
    await expect(worker.call("add", [1, 1])).rejects.toMatchObject({ code: "closed" });
  });

  it("may be closed before it started", async () => {
    const worker = open();
    await worker.close();
    await expect(worker.call("add", [1, 1])).rejects.toMatchObject({ code: "closed" });
  });
});
