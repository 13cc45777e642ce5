export type { Limit, Methods, WorkerOptions } from "./messages.js";
export { serve } from "./serve.js";
export { TypedWorker } from "./typed-worker.js";
