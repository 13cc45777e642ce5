export { crc32 } from "./crc32.js";
export { fileDigest, partDigests, type ReadOptions, textDigest } from "./digest.js";
export { type ByteSource, partOf, RandomAccessFile } from "./file.js";
export { type FileFingerprint, FileFingerprints, fingerprintFile } from "./file-fingerprint.js";
export {
  baseName,
  copyInto,
  createFolderAtomically,
  isRunning,
  joinPath,
  makeFolder,
  pathExists,
  refuseAround,
  removeFolder,
  withTemporaryFolder,
  writeFileAtomically,
} from "./folder.js";
export { isLocked, takeFolderLock, withFolderLock } from "./folder-lock.js";
export { cacheRoot, dataFolder, dataRoot, homeFolder, onHomeNote, sayOnce, whyNotWritten } from "./homes.js";
export { fileInside } from "./inside.js";
export { type JsonLine, parseJsonLine, readJsonLines, recordOf } from "./read-json-lines.js";
export { type Line, readLines } from "./read-lines.js";
export { encodeLogRecord, type LogDamage, type LogRecord, readLog } from "./record-log.js";
export { listFolder, listSideFiles, readSideJson, readSideText } from "./side-files.js";
