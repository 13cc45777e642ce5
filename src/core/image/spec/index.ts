export { bmpSize, decodeBmp } from "./bmp.js";
export { gridOf, numPatches, numTiles } from "./grid.js";
export { jpegLumaSteps } from "./jpeg-steps.js";
export { type PixelBudget, withPixelBudget } from "./pixel-budget.js";
export type { ImageGrid, PixelValues } from "./pixel-values.js";
export { mergedPatches, preprocess, shown } from "./preprocess.js";
export { readImageProcessorConfig, readVideoProcessorConfig } from "./processor-config.js";
export {
  type CenterCropRecipe,
  dependsOnSize,
  fitRecipe,
  fixedRecipe,
  type ImageRecipe,
  slicesRecipe,
  smartResizeRecipe,
  tilesRecipe,
  type VideoRecipe,
  videoRecipe,
} from "./recipe.js";
export { resizeColumnsFirst } from "./resize.js";
export { checkRgbImage, checkSize, isRgbImage, type RgbImage } from "./rgb-image.js";
export { shownPicture } from "./shown.js";
export { batchesOf, viewsOf } from "./slices.js";
export { videoSize } from "./smart-size.js";
export { type ImageFormat, sniffFormat } from "./sniff.js";
export { patchesPerSide } from "./tiles.js";
