/**
 * Codes of rounded matrices on disk, a folder for each piece, there whole or not at all: what a killed run has done stays, and the
 * next begins behind it.
 */
import { invariant } from "../base/index.js";
import { type Checkpoint, openCheckpoint, writeSafetensors } from "../checkpoint/index.js";
import { createFolderAtomically, joinPath, pathExists, removeFolder } from "../fs/index.js";
import type { StoredMatrices, StoredParts } from "../quantize/index.js";
import { type BlockFormat, bytesOf, type Tensor } from "../tensor/index.js";
import type { RoundedMatrix } from "./rounding.js";

const partNames = ["values", "scales", "zero_points"] as const;
type PartName = (typeof partNames)[number];

export class RoundedStore implements StoredMatrices {
  readonly method = "calibrated";
  readonly #folder: string;
  readonly #formats: ReadonlyMap<string, BlockFormat>;
  readonly #pieces = new Map<string, Checkpoint>();

  constructor(folder: string, formats: ReadonlyMap<string, BlockFormat>) {
    this.#folder = folder;
    this.#formats = formats;
  }

  get names(): readonly string[] {
    return [...this.#pieces.keys()];
  }

  exactFormat(name: string): BlockFormat | undefined {
    return this.#pieces.has(name) ? this.#formats.get(name) : undefined;
  }

  async read(name: string): Promise<StoredParts> {
    const piece = this.#pieces.get(name);
    invariant(piece, `${name} is not rounded yet`);
    const parts = await Promise.all(
      this.#partsOf(name).map(async (part) => [part, (await piece.read(`${name} ${part}`)).bytes]),
    );
    return Object.fromEntries(parts) as StoredParts;
  }

  /** Whether the piece is there; then its matrices are. One of other matrices is removed. */
  async open(piece: number, tensors: readonly string[]): Promise<boolean> {
    const path = this.#pathOf(piece);
    if (!(await pathExists(path))) return false;
    const checkpoint = await openCheckpoint(path);
    const expected = tensors.flatMap((tensor) => this.#partsOf(tensor).map((part) => `${tensor} ${part}`));
    if ([...checkpoint.names()].sort().join() !== expected.sort().join()) {
      await checkpoint.close();
      await removeFolder(path);
      return false;
    }
    for (const tensor of tensors) this.#pieces.set(tensor, checkpoint);
    return true;
  }

  async write(piece: number, matrices: readonly RoundedMatrix[]): Promise<void> {
    await createFolderAtomically(this.#pathOf(piece), false, (folder) =>
      writeSafetensors(joinPath(folder, "model.safetensors"), matrices.flatMap(tensorsOf)),
    );
    await this.open(
      piece,
      matrices.map(({ tensor }) => tensor),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#pieces.values())].map((piece) => piece.close()));
    this.#pieces.clear();
  }

  #partsOf(tensor: string): readonly PartName[] {
    const hasZeroPoints = this.#formats.get(tensor)?.zeroPoints === true;
    return partNames.filter((part) => part !== "zero_points" || hasZeroPoints);
  }

  #pathOf(piece: number): string {
    return joinPath(this.#folder, String(piece).padStart(4, "0"));
  }
}

function tensorsOf({ tensor, parts }: RoundedMatrix): Tensor[] {
  const joined = (pieces: readonly Uint8Array[]) => Buffer.concat(pieces);
  const bytes = {
    values: joined(parts.map(({ codes }) => codes)),
    scales: joined(parts.map(({ scales }) => bytesOf(scales))),
    zero_points: joined(parts.flatMap(({ zeroPoints }) => zeroPoints ?? [])),
  };
  return partNames
    .filter((part) => bytes[part].length > 0)
    .map((part) => ({ name: `${tensor} ${part}`, dtype: "u8", shape: [bytes[part].length], bytes: bytes[part] }));
}
