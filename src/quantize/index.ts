export { type BlockSize, dequantizeRows, type QuantizedFormat, type QuantizedRows, quantizeRows } from "./blocks.js";
export { type QuantizationError, quantizationError } from "./error.js";
