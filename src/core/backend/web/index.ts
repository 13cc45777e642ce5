export { usedThreads } from "./onnxruntime.js";
export { chooseDevice, type WebDevice } from "./web-device.js";
export { WebGraph, type WeightFile } from "./web-graph.js";
