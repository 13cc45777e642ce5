export { GraphBuilder, type Matrix, type Scope } from "./builder.js";
export { checkpointCatalog, recordingCatalog, type WeightCatalog } from "./catalog.js";
export { type ExternalLocation, encodeOnnx } from "./onnx.js";
export type { OpType } from "./ops.js";
export { printGraph } from "./print.js";
export {
  type Dim,
  type Graph,
  type Initializer,
  type Node,
  type Value,
  type WeightFormat,
  type WeightSource,
  withOutputs,
} from "./value.js";
