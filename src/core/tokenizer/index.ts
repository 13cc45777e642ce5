export { StreamDecoder } from "./stream-decoder.js";
export { createTokenizer, type EncodeOptions, type Tokenizer } from "./tokenizer.js";
