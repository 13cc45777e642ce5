export * from "./chat.js";
export * from "./completions.js";
export * from "./description.js";
export * from "./embeddings.js";
export { type ErrorBody, type ErrorStatus, errorBodySchema, errorResponse } from "./error-body.js";
export * from "./files.js";
export { ignoredHeader, type Parsed, parseBody, parseJson, parseValue, refusal } from "./parse.js";
export * from "./responses.js";
export * from "./shared.js";
