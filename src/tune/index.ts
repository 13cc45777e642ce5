export { type BadImage, type LabelledImage, type LabelledImages, readLabelledImages } from "./data/labelled-images.js";
export type { HeadChoice } from "./head/fit-head.js";
export type { FitReport, HeadCalibration, HeadReport, LookAlikes } from "./head/report.js";
export type { Share } from "./head/scores.js";
export { type TuneHeadOptions, type TuneStage, tuneHead } from "./head/tune-head.js";
export type { TuneExample } from "./vision/examples.js";
export type { LoraChoice } from "./vision/lora.js";
export type { Recipe } from "./vision/recipe.js";
export type { TunePlan } from "./vision/run.js";
export type { TuneProgress } from "./vision/training.js";
export {
  estimateTuning,
  type TuneEstimate,
  type TuneResult,
  type TuneVisionOptions,
  tuneVision,
} from "./vision/tune-vision.js";
