/** The script of a picture thread: takes one picture at a time, gives back pixel values, or pixels, or the error. See image-threads.ts. */
import { parentPort } from "node:worker_threads";
import { invariant, OcellusError } from "../../base/index.js";
import { decodePicture } from "./decode.js";
import type { Answer, Task } from "./image-threads.js";
import { prepareImage } from "./prepare.js";

invariant(parentPort, "this file is started as a worker thread");
const port = parentPort;

port.on("message", async (task: Task) => {
  try {
    const { done, buffer } = await work(task);
    port.postMessage({ done } satisfies Answer, [buffer as ArrayBuffer]);
  } catch (error) {
    port.postMessage({ failure: described(error) } satisfies Answer);
  }
});

async function work({ input, recipe, limits }: Task) {
  if (!recipe) {
    const { image, digest } = await decodePicture(input, limits);
    const data = image.data.slice(); // memory that libvips gave cannot change hands
    return { done: { image: { ...image, data }, digest }, buffer: data.buffer };
  }
  const done = await prepareImage(input, recipe, limits);
  return { done, buffer: done.pixels.data.buffer };
}

/** A class does not survive the way between threads. */
function described(error: unknown): NonNullable<Answer["failure"]> {
  if (error instanceof OcellusError) return { code: error.code, message: error.message, details: error.details };
  return { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}`, details: {} };
}
