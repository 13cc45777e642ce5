export { type AnswerEnd, answerStats, usageOf, visionCacheStatus } from "./answer-stats.js";
export { wireAttention } from "./attention.js";
export { chatOptions, ownNames, samplingOptions } from "./chat-options.js";
export { wireTokens } from "./logprobs.js";
