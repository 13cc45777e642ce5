export { Grammars, type ResponseFormat } from "./grammars.js";
export type { ToolConstraint, ToolSignature } from "./tool-calls.js";
