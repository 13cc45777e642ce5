/**
 * Room in memory for versions. What one will take is estimated from its headers before it is loaded; those that are loaded count
 * as they were estimated, too, since caches fill long after a model has opened.
 */
import { formatBytes, OcellusError } from "../../core/base/index.js";
import { type MachineMemory, machineMemory } from "../../inspect/index.js";

/** What a model takes once it is loaded and busy. */
export interface Need {
  readonly format: string;
  readonly bytes: number;
}

export interface MemoryBudgetOptions {
  /** Bytes that the version in a folder takes. */
  readonly estimate: (folder: string) => Promise<number>;
  /** The same in other formats. */
  readonly alternatives: (folder: string) => Promise<readonly Need[]>;
  /** Of all versions together. Default: what this machine, or its container, has. */
  readonly budgetBytes?: number | undefined;
  readonly machine?: () => MachineMemory;
}

export interface Refused {
  readonly tag: string;
  readonly folder: string;
  readonly bytes: number;
  readonly freeBytes: number;
  /** The versions that stay. */
  readonly kept: readonly string[];
  /** What would find room, in words. */
  readonly advice: string | undefined;
}

export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  /** By folder: versions do not change. */
  readonly #estimates = new Map<string, number>();

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
  }

  async bytesOf(folder: string): Promise<number> {
    const bytes = this.#estimates.get(folder) ?? (await this.#options.estimate(folder));
    this.#estimates.set(folder, bytes);
    return bytes;
  }

  /**
   * Bytes for one more version.
   * @param takenBytes of the versions that are loaded
   * @param closedBytes of those among them that would be closed first
   */
  freeBytes(takenBytes: number, closedBytes = 0): number {
    const { budgetBytes, machine = machineMemory } = this.#options;
    const keptBytes = takenBytes - closedBytes;
    if (budgetBytes !== undefined) return budgetBytes - keptBytes;
    const { availableBytes, totalBytes } = machine();
    return Math.min(availableBytes + closedBytes, totalBytes - keptBytes);
  }

  async refusal({ tag, folder, bytes, freeBytes, kept, advice }: Refused): Promise<OcellusError> {
    const { budgetBytes, alternatives } = this.#options;
    const of = budgetBytes === undefined ? "" : ` of --memory-bytes ${formatBytes(budgetBytes)}`;
    const beside = kept.length === 0 ? "" : ` beside ${kept.join(", ")}`;
    const fitting = (await alternatives(folder)).filter((other) => other.bytes <= freeBytes);
    const formats = fitting.map(({ format }) => format).join(", ");
    const parts = [
      `${tag} takes ${formatBytes(bytes)} of memory`,
      `${formatBytes(Math.max(0, freeBytes))}${of} are free${beside}`,
      formats === "" ? "in no other format it would fit" : `packed as ${formats} it would fit`,
      ...(advice === undefined ? [] : [advice]),
    ];
    return new OcellusError("too_large", parts.join("; "), { details: { bytes, freeBytes } });
  }
}
