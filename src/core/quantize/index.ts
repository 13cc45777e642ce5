export { dequantizeRows, type QuantizedRows, quantizeRows } from "./blocks.js";
export { type EncodedRows, encodeRows, type FloatRows, nestedParts, restoredRows } from "./encode.js";
export { type QuantizationError, quantizationError } from "./error.js";
export type { StoredParts } from "./foreign/matrix.js";
export { openQuantized, type StoredMatrices, type WeightsSource } from "./foreign/source.js";
export { dequantizeNf4, type NestedScales, nestScales, quantizeNf4, unnestScales } from "./nf4.js";
export { expectFinite } from "./not-finite.js";
export { transposeBytes } from "./w8a8.js";
