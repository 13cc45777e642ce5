export { BatchQueue, type ParkedLine, type TakenRequest } from "./batch-queue.js";
