/** `loadModel(path, { memory: { nearDuplicates: nearDuplicates() } })`: answers `reuse: "near"` of that model's requests. */
export { type NearDuplicatesOptions, nearDuplicates } from "./open.js";
