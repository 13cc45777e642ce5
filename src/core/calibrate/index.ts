export { packCalibrated } from "./calibrate.js";
export { checkKvScales, packKvScales } from "./kv-scales.js";
