/** The script of the workers in typed-worker.test.ts: what a worker may do right and wrong. */
import { threadId } from "node:worker_threads";
import { OcellusError } from "../base/index.js";
import { serve } from "./serve.js";

const methodsOf = (data: unknown, tell: (note: unknown) => void) => ({
  add: (a: number, b: number) => a + b,
  where: () => ({ place: [process.pid, threadId], data }),
  numbers: (count: number) => ({ values: Int32Array.from({ length: count }, (_, i) => i) }),
  refuse: () => {
    throw new OcellusError("invalid_file", "no", { details: { field: "x" } });
  },
  fail: () => {
    throw new TypeError("broken");
  },
  spin: () => {
    for (;;);
  },
  fill: () => {
    const all: number[][] = [];
    for (;;) all.push(new Array(1000).fill(all.length));
  },
  /** One allocation beyond the limit, which a thread's limit does not survive. */
  fillAtOnce: () => {
    let all = [1];
    for (;;) all = all.concat(all);
  },
  count: (to: number) => {
    for (let n = 1; n <= to; n++) tell({ n });
    return to;
  },
  exit: () => process.exit(3),
});
export type TestMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);
