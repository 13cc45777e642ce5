export type { Limit } from "./messages.js";
export { serve } from "./serve.js";
export { TypedWorker } from "./typed-worker.js";
