/** A bar for a pass that reads whole checkpoints, gone when it is done or failed. */
import type { PassOptions } from "../inspect/index.js";
import type { GlobalFlags } from "./options.js";
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
