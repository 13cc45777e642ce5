/** What of this room runs in a browser too: what weights are, and the header of a weights file. */
export type { Checkpoint } from "./checkpoint.js";
export { readSafetensorsHeader } from "./safetensors.js";
