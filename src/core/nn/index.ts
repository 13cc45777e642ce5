export { cachedAttention, type Rotary } from "./attention.js";
export { patchMerger, perceiverResampler } from "./connectors.js";
export { type ConvolutionOptions, convolution, relu6 } from "./convolution.js";
export { buildDecoder, type DecoderSizes, type DecoderVariant, decoderStates } from "./decoder.js";
export { type EncoderBlock, encoderBlock } from "./encoder-block.js";
export { fusedLinear, lastSize, linear, multiply } from "./linear.js";
export type { Activation } from "./mlp.js";
export { headNorm, layerNorm, rmsNorm } from "./norm.js";
export { patchEmbedding } from "./patches.js";
