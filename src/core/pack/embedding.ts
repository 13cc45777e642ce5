/**
 * Rows of the token embedding table, read from the packed weights file when first wanted and kept: no table of 1.2 GB
 * in memory, and no file access for the words that keep coming back.
 */
import { LRUCache } from "lru-cache";
import { dequantizeRows } from "../quantize/index.js";
import { toFloat32 } from "../tensor/index.js";
import type { PackedManifest } from "./manifest.js";
import type { PackedFiles } from "./packed-files.js";

/** 4,096 rows of an 8B model, every row of a small one. */
const maxCacheBytes = 64 * 2 ** 20;

type Stored = NonNullable<PackedManifest["embedding"]>;

export class EmbeddingTable {
  readonly #files: PackedFiles;
  readonly #stored: Stored;
  readonly #hiddenSize: number;
  readonly #rows = new LRUCache<number, Float32Array>({
    maxSize: maxCacheBytes,
    sizeCalculation: (row) => row.byteLength,
  });

  constructor(files: PackedFiles, stored: Stored, hiddenSize: number) {
    this.#files = files;
    this.#stored = stored;
    this.#hiddenSize = hiddenSize;
  }

  /** Writes float32 rows [ids.length, hidden_size] into `out` from `offset`. */
  async read(ids: readonly number[], out: Float32Array, offset: number): Promise<void> {
    const rows = new Map<number, Float32Array>();
    await Promise.all(
      [...new Set(ids)].map(async (id) => rows.set(id, this.#rows.get(id) ?? (await this.#readRow(id)))),
    );
    for (const [i, id] of ids.entries()) out.set(rows.get(id)!, offset + i * this.#hiddenSize);
    for (const [id, row] of rows) this.#rows.set(id, row);
  }

  async #readRow(id: number): Promise<Float32Array> {
    const { tensor, scales, zero_points, format, block_size: blockSize } = this.#stored;
    const size = this.#hiddenSize;
    const row = (part: string, length: number) => this.#files.readRange(part, id * length, (id + 1) * length);
    if (format === "plain" || !scales || !blockSize)
      return toFloat32(await row(tensor, size), this.#files.info(tensor)!.dtype);
    const blocks = Math.ceil(size / blockSize);
    const [codes, scaleBytes, zeroPoints] = await Promise.all([
      row(tensor, (blocks * blockSize) / (format === "int4" ? 2 : 1)),
      row(scales, blocks),
      zero_points === undefined ? undefined : row(zero_points, Math.ceil(blocks / 2)),
    ]);
    const quantized = { codes, scales: toFloat32(scaleBytes, "f32"), ...(zeroPoints && { zeroPoints }) };
    return dequantizeRows(quantized, 1, size, { kind: format, blockSize });
  }
}
