import "./sharp.js";

export {
  type DecodedImage,
  type DecodeImage,
  type DecodeOptions,
  decodeAndDigest,
  decodeImage,
  defaultMaxBytes,
  type GivenImage,
  type ImageFile,
  type ImageInput,
  type ImageLimits,
  isUrl,
  LoadedImage,
  type LoadOptions,
  pixelDigest,
  preparedBytes,
  prepareImage,
  readInput,
  type SeenImage,
} from "../loaded/index.js";
export { drawPlaces } from "./draw.js";
export { encodePng, encodeSized, thumbnail } from "./encode.js";
export { missingVideoPrograms } from "./ffmpeg.js";
export { ImageThreads, type ImageThreadsOptions } from "./image-threads.js";
export { onBehalfOf } from "./queue-owner.js";
export { SampledVideo, VideoFile, type VideoLimits, type VideoSource } from "./video-file.js";
