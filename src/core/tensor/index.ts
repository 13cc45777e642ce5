export { bytesOf, float32Tensor, toBFloat16Bits, toFloat16Bits, toFloat32 } from "./convert.js";
export { type DType, dtypes, elementBytes, type KvValues } from "./dtype.js";
export { hadamard, rotateColumns, rotationSize } from "./hadamard.js";
export {
  byteLength,
  elementCount,
  expectShape,
  formatShape,
  type Shape,
  sameShape,
  type Tensor,
  type TensorInfo,
  type TensorSource,
} from "./tensor.js";
export {
  type BlockFormat,
  type BlockSize,
  describeFormat,
  fitsW8A8,
  type Nf4Format,
  sameFormat,
  storedBytes,
  type WeightFormat,
} from "./weight-format.js";
