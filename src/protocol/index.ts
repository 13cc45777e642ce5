export * from "./chat.js";
export { type ErrorBody, type ErrorStatus, errorBodySchema, errorResponse } from "./error-body.js";
export { ignoredHeader, type Parsed, parseBody, parseJson, parseValue, refusal } from "./parse.js";
export * from "./shared.js";
