export { bundledModel } from "./bundled.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export { checkpointDigest } from "./checkpoint-digest.js";
export { describeForeignFile, isPickle, isSafetensors, isZip } from "./foreign.js";
export { isAllowed } from "./pickle-objects.js";
export { type Instruction, longOf, type OpcodeName, PickleReader } from "./pickle-reader.js";
export { readSafetensorsHeader } from "./safetensors.js";
export { createSafetensorsWriter, type SafetensorsWriter, writeSafetensors } from "./safetensors-writer.js";
export { entryData, listZip, type ZipEntry } from "./zip.js";
