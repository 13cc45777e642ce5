export { threadNotes } from "./onnxruntime.js";
export { chooseDevice, type WebDevice } from "./web-device.js";
export { WebGraph } from "./web-graph.js";
