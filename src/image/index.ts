export {
  type DecodedPicture,
  type DecodeOptions,
  type DecodePicture,
  decodeImage,
  decodePicture,
} from "./decode.js";
export { encodePng } from "./encode.js";
export { gridOf } from "./grid.js";
export { type ImageSize, imageSize, preparedBytes, readImage } from "./header.js";
export { ownCopy } from "./own-copy.js";
export { type PictureLimits, PictureThreads, type PictureThreadsOptions } from "./picture-threads.js";
export { type PixelBudget, withPixelBudget } from "./pixel-budget.js";
export { pixelDigest } from "./pixel-digest.js";
export {
  type PreparedImage,
  type PrepareImage,
  prepareImage,
  type SeenImage,
  type StandIn,
  seen,
} from "./prepare.js";
export { type ImageGrid, mergedPatches, type PixelValues, preprocess, shown } from "./preprocess.js";
export { type JsonFiles, readImageProcessorConfig, readVideoProcessorConfig } from "./processor-config.js";
export { defaultMaxBytes, type ImageFile, type ImageInput, isUrl, readInput } from "./read-input.js";
export {
  type CenterCropRecipe,
  type FitRecipe,
  fitRecipe,
  fixedRecipe,
  type ImageRecipe,
  type SmartResizeRecipe,
  type StretchRecipe,
  smartResizeRecipe,
  type VideoRecipe,
  videoRecipe,
} from "./recipe.js";
export { resizeColumnsFirst } from "./resize.js";
export { checkRgbImage, isRgbImage, type RgbImage } from "./rgb-image.js";
export { shownPicture } from "./shown.js";
export { videoSize } from "./smart-size.js";
export { type ImageFormat, sniffFormat } from "./sniff.js";
export { thumbnail } from "./thumbnail.js";
export { inTurnOf } from "./turn.js";
