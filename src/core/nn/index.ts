export { cachedAttention, type Rotary, type Windows } from "./attention.js";
export {
  attentionPooling,
  groupedResampler,
  patchMerger,
  perceiverResampler,
  pixelShuffle,
  queryResampler,
  repeated,
} from "./connectors.js";
export { convolution, relu6 } from "./convolution.js";
export { buildDecoder, type DecoderSizes, type DecoderVariant, decoderStates, type LinearLayers } from "./decoder.js";
export { type EncoderBlock, encoderBlock } from "./encoder-block.js";
export { fusedLinear, linear } from "./linear.js";
export { gatedDeltaNet } from "./linear-attention.js";

export { meanOfRows } from "./mean.js";
export { type Activation, mlp } from "./mlp.js";
export { layerNorm } from "./norm.js";
export { patchEmbedding } from "./patches.js";
export { windowMerger } from "./window-merger.js";
