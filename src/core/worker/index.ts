export type { Limit, WorkerOptions } from "./messages.js";
export { serve } from "./serve.js";
export { TypedWorker } from "./typed-worker.js";
export { threadScript } from "./worker-script.js";
