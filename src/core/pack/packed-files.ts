/** The files of a packed model as it is read: a folder's, or those that a browser has stored. */
import type { Checkpoint } from "../checkpoint/portable.js";

export type PackedFiles = Pick<
  Checkpoint,
  "path" | "files" | "names" | "info" | "locate" | "readRange" | "readJson" | "readText" | "sideFiles" | "close"
>;
