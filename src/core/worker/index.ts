export type { Limit, WorkerOptions } from "./messages.js";
export { serve } from "./serve.js";
export { threadScript } from "./thread-script.js";
export { TypedWorker } from "./typed-worker.js";
