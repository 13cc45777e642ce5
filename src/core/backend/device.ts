/** Where a graph can run. Only this room imports ONNX Runtime; the names of its providers stay in here. */
import { availableParallelism } from "node:os";

export type Device = "cpu" | "webgpu" | "cuda";

/** One thread per core that this process may use: decode is bound by memory, more threads only wait. */
export function defaultThreads(): number {
  return availableParallelism();
}
