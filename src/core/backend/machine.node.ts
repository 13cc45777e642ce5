/** Memory and cores of this machine, or of the container that the process may use of it. */
import { availableParallelism, freemem, totalmem } from "node:os";

/** One thread per core that this process may use: decode is bound by memory, more threads only wait. */
export function defaultThreads(): number {
  return availableParallelism();
}

export interface MachineMemory {
  readonly totalBytes: number;
  /** What programs can still take without others giving something back. */
  readonly availableBytes: number;
}

export function machineMemory(): MachineMemory {
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY; // 0 or absent: no limit
  const totalBytes = Math.min(totalmem(), limit);
  return { totalBytes, availableBytes: Math.min(freemem(), totalBytes - process.memoryUsage.rss()) };
}
