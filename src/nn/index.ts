export { type CacheInputs, cachedAttention, causalAttention, fullAttention, type Rotary, rotate } from "./attention.js";
export { fusedLinear, lastSize, linear, multiply } from "./linear.js";
export { headNorm, layerNorm, rmsNorm } from "./norm.js";
