export { type BadImage, type LabelledImage, type LabelledImages, readLabelledImages } from "./data/labelled-images.js";
export type { HeadChoice } from "./head/fit-head.js";
export type { FitReport, HeadCalibration, HeadReport, LookAlikes } from "./head/report.js";
export type { Share } from "./head/scores.js";
export { type TuneHeadOptions, type TuneStage, tuneHead } from "./head/tune-head.js";
