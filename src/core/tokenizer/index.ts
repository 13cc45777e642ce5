export { StreamDecoder } from "./stream-decoder.js";
export { createTokenizer, type DecodeOptions, type EncodeOptions, type Tokenizer } from "./tokenizer.js";
