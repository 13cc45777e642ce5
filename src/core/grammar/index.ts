export { citedSchema, uncitedPointer, withoutCitations } from "./cited.js";
export { type FieldAlternative, type FieldConfidence, type FieldKind, type Fields, fieldsOf } from "./fields.js";
export { Grammars, type ResponseFormat } from "./grammars.js";
export { type SchemaObject, typesOf } from "./keywords.js";
export { resolvePointer } from "./pointer.js";
export { answerLeaves, isExchangeable, withLeafOf } from "./replaced.js";
export { checkPattern, checkSchema, fitsPattern, patternMatcher, satisfiesSchema } from "./satisfies.js";
export { behindThoughts } from "./thinking.js";
export type { ToolConstraint, ToolSignature } from "./tool-calls.js";
