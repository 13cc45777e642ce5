export { type AttentionMap, attendedTile, widened } from "./attended.js";
export { bmpSize, decodeBmp } from "./bmp.js";
export { sampledFps, sampledFrames } from "./frame-sampling.js";
export { gridOf, numPatches, numTiles, shownSize } from "./grid.js";
export {
  type CenterCropProcessor,
  dependsOnSize,
  fitProcessor,
  fixedSizeProcessor,
  type ImageProcessor,
  patchBudgetProcessor,
  quartersProcessor,
  slicesProcessor,
  smartResizeProcessor,
  tilesProcessor,
  type VideoProcessor,
  videoProcessor,
} from "./image-processor.js";
export { jpegLumaSteps } from "./jpeg-steps.js";
export { cutOf, placeInParts } from "./parts.js";
export { type ImageDetail, type PixelBudget, withPixelBudget } from "./pixel-budget.js";
export type { ImageGrid, PixelValues } from "./pixel-values.js";
export { pixelsToImage } from "./pixels-to-image.js";
export {
  type Box,
  boxAround,
  imagePoint,
  type PixelSize,
  type PlaceUnit,
  type Point,
  storedPoint,
  uprightSize,
} from "./places.js";
export { fitBox, mergedPatches, modelView, preprocess } from "./preprocess.js";
export { readImageProcessorConfig, readVideoProcessorConfig } from "./processor-config.js";
export { resize, resizeColumnsFirst } from "./resize.js";
export { checkRgbImage, checkSize, cropped, isRgbImage, type RgbImage } from "./rgb-image.js";
export { batchesOf, viewsOf, wholeOf } from "./slices.js";
export { videoSize } from "./smart-size.js";
export { type ImageFormat, sniffFormat, sniffVideo, type VideoFormat } from "./sniff.js";
