export * from "./admin.js";
export * from "./admin-backends.js";
export * from "./admin-diff.js";
export * from "./admin-figures.js";
export * from "./attention.js";
export * from "./batches.js";
export * from "./chat.js";
export * from "./collections.js";
export * from "./completions.js";
export * from "./description.js";
export * from "./documents.js";
export * from "./embeddings.js";
export {
  anthropicError,
  anthropicErrorSchema,
  type ErrorBody,
  errorBodySchema,
  errorResponse,
} from "./error-body.js";
export * from "./files.js";
export * from "./guards.js";
export * from "./image-text.js";
export * from "./messages.js";
export { idBodyLimits, ignoredHeader, parseBody, parseBodyJson, parseValue, refusal } from "./parse.js";
export * from "./rerank.js";
export * from "./responses.js";
export * from "./shared.js";
