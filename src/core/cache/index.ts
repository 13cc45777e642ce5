export { openCache } from "./encoder/open-encoder-cache.js";
export * from "./portable.js";
