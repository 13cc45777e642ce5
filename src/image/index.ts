export { type DecodeOptions, decodeImage } from "./decode.js";
export { type ImageGrid, type PixelValues, preprocess } from "./preprocess.js";
export type { ImageInput } from "./read-input.js";
export { type FitRecipe, type ImageRecipe, parseImageRecipe, type SmartResizeRecipe } from "./recipe.js";
export { pixelDigest, type RgbImage } from "./rgb-image.js";
