/** A hostile checkpoint: how it is made, and why it must be refused. The lists are in the files beside this one. */
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface HostileCase {
  /** What it is, to be read behind "refuses". */
  readonly name: string;
  /** Makes it in an empty folder. */
  readonly write: (folder: string) => void;
  /** The file to open; without it the folder. */
  readonly open?: string;
  /** A part of the message. */
  readonly reason: string;
  /** An audit must call it dangerous: it would run something. */
  readonly isDangerous?: boolean;
}

/** One file, opened by its own name. */
export function fileCase(name: string, file: string, contents: () => Uint8Array | string, reason: string): HostileCase {
  return { name, open: file, reason, write: (folder) => writeFileSync(join(folder, file), contents()) };
}

/** A file that claims bytes which take no room on disk. */
export function sparseCase(name: string, file: string, start: Uint8Array, size: number, reason: string): HostileCase {
  const write = (folder: string) => {
    writeFileSync(join(folder, file), start);
    truncateSync(join(folder, file), size);
  };
  return { name, open: file, reason, write };
}

/** Latin-1, one character a byte. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
