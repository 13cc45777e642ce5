/** The worker of in-a-worker.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { loadModel, type OcellusError } from "../../../src/core/runtime/index.js";

try {
  await (await loadModel(workerData as string, { device: "cpu", threads: 1 })).close();
  parentPort!.postMessage("loaded");
} catch (error) {
  parentPort!.postMessage((error as OcellusError).code);
}
