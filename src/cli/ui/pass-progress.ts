/** Bars for passes that read whole checkpoints, gone when they are done or failed. */
import type { PassOptions } from "../../inspect/index.js";
import type { GlobalFlags } from "../options.js";
import { describeBytes, startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";

export async function withProgress<T>(
  terminal: Terminal,
  label: string,
  { json }: GlobalFlags,
  body: (options: PassOptions) => Promise<T>,
): Promise<T> {
  const progress = startProgress(terminal, { label, describe: describeBytes, silent: json === true });
  try {
    return await body({ signal: terminal.signal, onProgress: progress.update });
  } finally {
    progress.stop();
  }
}

/** For a pass that tells of the bytes it has read since it last told. */
export async function withReadProgress<T>(
  terminal: Terminal,
  label: string,
  totalBytes: number,
  body: (onBytes: (bytes: number) => void) => Promise<T>,
  { json }: GlobalFlags = {},
): Promise<T> {
  const progress = startProgress(terminal, { label, describe: describeBytes, silent: json === true });
  let doneBytes = 0;
  try {
    return await body((bytes) => {
      doneBytes += bytes;
      progress.update(doneBytes, totalBytes);
    });
  } finally {
    progress.stop();
  }
}
