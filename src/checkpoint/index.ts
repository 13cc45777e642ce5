export {
  type AuditOptions,
  auditCheckpoint,
  auditFile,
  type CheckpointSafety,
  type SafetyReport,
} from "./audit-file.js";
export type { Verdict } from "./audit-names.js";
export type { PickleAudit } from "./audit-pickle.js";
export type { PickleCall, PickleImport } from "./audit-record.js";
export { bundledModel } from "./bundled.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint.js";
export { checkpointDigest } from "./checkpoint-digest.js";
export { fileDigest, type ReadOptions, textDigest } from "./digest.js";
export { type FileLook, FileLooks, lookAtFile } from "./file-look.js";
export {
  baseName,
  copyInto,
  createFolderAtomically,
  isRunning,
  joinPath,
  makeFolder,
  pathExists,
  withTemporaryFolder,
  writeFileAtomically,
} from "./folder.js";
export { isLocked, withFolderLock } from "./folder-lock.js";
export { cacheRoot, dataFolder, dataRoot, homeFolder, onHomeNote, sayOnce, whyNotWritten } from "./homes.js";
export { encodeLogRecord, type LogDamage, type LogRecord, readLog } from "./record-log.js";
export { createSafetensorsWriter, type SafetensorsWriter, writeSafetensors } from "./safetensors-writer.js";
export { readSideJson } from "./side-files.js";
