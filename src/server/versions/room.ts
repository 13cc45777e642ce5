/**
 * Room in memory for versions. What one will take is estimated from its headers before it is loaded; those that are loaded count
 * as they were estimated, too, since caches fill long after a model has opened.
 */
import { formatBytes, OcellusError } from "../../base/index.js";
import { type MachineMemory, machineMemory } from "../../inspect/index.js";

/** What a version takes once it is loaded and busy. */
export interface Need {
  readonly bytes: number;
  /** What the same model would take in other formats. */
  readonly others: readonly { readonly format: string; readonly bytes: number }[];
}

export interface RoomOptions {
  readonly estimate: (folder: string) => Promise<Need>;
  /** Of all versions together. Default: what this machine, or its container, has. */
  readonly budgetBytes?: number | undefined;
  readonly machine?: () => MachineMemory;
}

export class Room {
  readonly estimate: RoomOptions["estimate"];
  readonly #budgetBytes: number | undefined;
  readonly #machine: () => MachineMemory;

  constructor({ estimate, budgetBytes, machine = machineMemory }: RoomOptions) {
    this.estimate = estimate;
    this.#budgetBytes = budgetBytes;
    this.#machine = machine;
  }

  /**
   * Bytes for one more version.
   * @param takenBytes of the versions that are loaded
   * @param closedBytes of those among them that would be closed first
   */
  freeBytes(takenBytes: number, closedBytes = 0): number {
    const keptBytes = takenBytes - closedBytes;
    if (this.#budgetBytes !== undefined) return this.#budgetBytes - keptBytes;
    const { availableBytes, totalBytes } = this.#machine();
    return Math.min(availableBytes + closedBytes, totalBytes - keptBytes);
  }

  refusal({ tag, need: { bytes, others }, freeBytes, kept, advice }: Refused): OcellusError {
    const of = this.#budgetBytes === undefined ? "" : ` of --memory-bytes ${formatBytes(this.#budgetBytes)}`;
    const beside = kept.length === 0 ? "" : ` beside ${kept.join(", ")}`;
    const fitting = others.filter((other) => other.bytes <= freeBytes).map(({ format }) => format);
    const fits = fitting.length > 0 ? `packed as ${fitting.join(", ")} it would fit` : "no format of it would fit";
    return new OcellusError(
      "too_large",
      `${tag} takes ${formatBytes(bytes)} of memory, and ${formatBytes(Math.max(0, freeBytes))}${of} are free${beside}; ${fits}${advice === undefined ? "" : `, and ${advice} puts it in their place`}`,
      { details: { bytes, freeBytes } },
    );
  }
}

interface Refused {
  readonly tag: string;
  readonly need: Need;
  readonly freeBytes: number;
  /** The versions that stay. */
  readonly kept: readonly string[];
  /** A command that would find room. */
  readonly advice: string | undefined;
}
