/** Loads a model in a worker thread whose main thread has not imported ocellus; prints the error's code. */
import { Worker } from "node:worker_threads";
import { threadScript } from "../../../src/core/worker/worker-script.js";

const worker = new Worker(threadScript("load-and-report", import.meta.url), { workerData: process.argv[2] });
worker.on("message", (code: string) => process.stdout.write(code));
