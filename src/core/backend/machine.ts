/** The memory of this machine, or of the container that the process may use of it. */
import { freemem, totalmem } from "node:os";

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
