export {
  type DecodedImage,
  type DecodeImage,
  type DecodeOptions,
  decodeAndDigest,
  decodeImage,
  type ImageLimits,
} from "./decode.js";
export { drawPlaces } from "./draw.js";
export { encodePng, encodeSized, thumbnail } from "./encode.js";

export { type ImageSize, preparedBytes } from "./header.js";
export { ImageThreads, type ImageThreadsOptions } from "./image-threads.js";
export { type ImageInput, LoadedImage, type LoadOptions } from "./loaded-image.js";

export { pixelDigest } from "./pixel-digest.js";
export {
  type PrepareImage,
  prepareImage,
  type SeenImage,
  seen,
} from "./prepare.js";
export { onBehalfOf } from "./queue-owner.js";
export { defaultMaxBytes, type GivenImage, type ImageFile, isUrl, readInput } from "./read-input.js";
export { SampledVideo, VideoFile, type VideoLimits, type VideoSource } from "./video-file.js";
