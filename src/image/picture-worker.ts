/** The script of a picture thread: takes one picture at a time, gives back pixel values or the error. See picture-threads.ts. */
import { parentPort } from "node:worker_threads";
import { invariant, OcellusError } from "../base/index.js";
import type { Answer, Task } from "./picture-threads.js";
import { prepareImage } from "./prepare.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;

port.on("message", async ({ input, recipe, limits }: Task) => {
  try {
    const prepared = await prepareImage(input, recipe, limits);
    port.postMessage({ prepared } satisfies Answer, [prepared.pixels.data.buffer as ArrayBuffer]);
  } catch (error) {
    port.postMessage({ failure: described(error) } satisfies Answer);
  }
});

/** A class does not survive the way between threads. */
function described(error: unknown): NonNullable<Answer["failure"]> {
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  return { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}`, details: {} };
}
