/** The script of the thread that compares pictures. See comparer.ts. */
import { parentPort } from "node:worker_threads";
import { invariant } from "../../base/index.js";
import type { CompareAnswer, CompareTask } from "./comparer.js";
import { lookOf } from "./fingerprint.js";
import { showsNothingElse } from "./same-picture.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;

port.on("message", ({ id, look, compare }: CompareTask) => {
  try {
    invariant(look || compare, "a task is one of two");
    const result = look ? lookOf(look) : showsNothingElse(...compare!);
    port.postMessage({ id, result } satisfies CompareAnswer);
  } catch (error) {
    port.postMessage({ id, failure: error instanceof Error ? error.message : String(error) } satisfies CompareAnswer);
  }
});
