export { packCalibrated } from "./calibrate.js";
