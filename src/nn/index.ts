export { type CacheInputs, cachedAttention, causalAttention, fullAttention, type Rotary, rotate } from "./attention.js";
export { type ConvolutionOptions, convolution, relu6 } from "./convolution.js";
export { fusedLinear, lastSize, linear, multiply } from "./linear.js";
export { headNorm, layerNorm, rmsNorm } from "./norm.js";
