export { Grammars, type ResponseFormat } from "./grammars.js";
export { type Redaction, redactedSchema } from "./redacted-schema.js";
export { checkPattern, checkSchema, fitsPattern, satisfiesSchema } from "./satisfies.js";
export type { ToolConstraint, ToolSignature } from "./tool-calls.js";
