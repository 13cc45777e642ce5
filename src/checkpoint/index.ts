export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export { checkpointDigest, textDigest } from "./digest.js";
export {
  baseName,
  cacheRoot,
  copyInto,
  createFolderAtomically,
  joinPath,
  pathExists,
  writeFileAtomically,
} from "./folder.js";
export { createSafetensorsWriter, type SafetensorsWriter, writeSafetensors } from "./safetensors-writer.js";
