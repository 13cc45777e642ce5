export {
  type DecodedImage,
  type DecodeImage,
  type DecodeOptions,
  decodeAndDigest,
  decodeImage,
  type ImageLimits,
} from "./decode.js";
export { preparedBytes } from "./header.js";
export { type ImageInput, LoadedImage, type LoadOptions } from "./loaded-image.js";
export { ownCopy } from "./own-copy.js";
export { pixelDigest } from "./pixel-digest.js";
export { type DecodeLimits, type ImageFile, type ImageSize, type ReadOptions, useImagePlatform } from "./platform.js";
export { type PreparedImage, type PrepareImage, prepareImage, type SeenImage, seen } from "./prepare.js";
export {
  boundOf,
  defaultMaxBytes,
  type GivenImage,
  isUrl,
  readInput,
  shownInput,
} from "./read-input.js";
