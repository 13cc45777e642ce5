/**
 * Uploaded pictures, in memory within a byte budget: sent once, asked many times. Not kept over a restart. When the budget
 * is full, whoever holds most loses what it has not used for longest, so that nobody can push out the others.
 */
import { createHash, randomUUID } from "node:crypto";
import { OcellusError } from "../base/index.js";
import type { WireFile } from "../protocol/index.js";
import { sniffFormat } from "../runtime/index.js";

export interface StoredFile {
  readonly wire: WireFile;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

interface Entry extends StoredFile {
  readonly owner: string;
  /** Ends what was kept for this file elsewhere. */
  readonly onDrop: (() => void) | undefined;
}

export class FileStore {
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #totalBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#totalBytes;
  }

  /** @throws `invalid_image` for what is no picture, `too_large`. */
  add(owner: string, filename: string, purpose: string, bytes: Uint8Array, onDrop?: () => void): WireFile {
    const format = sniffFormat(bytes, filename);
    if (bytes.length > this.#maxBytes)
      throw new OcellusError(
        "too_large",
        `${filename}: ${bytes.length} bytes, all files together may have ${this.#maxBytes}`,
      );
    const wire: WireFile = {
      id: `file-${randomUUID().replaceAll("-", "")}`,
      object: "file",
      bytes: bytes.length,
      created_at: Math.floor(Date.now() / 1000),
      filename,
      purpose,
      status: "processed",
      ocellus: { format, sha256: createHash("sha256").update(bytes).digest("hex"), pinned: onDrop !== undefined },
    };
    while (this.#totalBytes + bytes.length > this.#maxBytes) this.#drop(this.#oldestOfLargestOwner());
    this.#entries.set(wire.id, { wire, mediaType: `image/${format}`, bytes, owner, onDrop });
    this.#totalBytes += bytes.length;
    return wire;
  }

  /** Files of others are as if they were not there. @throws `not_found`. */
  get(owner: string, id: string): StoredFile {
    const entry = this.#entries.get(id);
    if (!entry || entry.owner !== owner)
      throw new OcellusError(
        "not_found",
        `there is no file ${JSON.stringify(id.slice(0, 60))}; it may have made room for newer ones: upload it again`,
        { details: { param: "file_id" } },
      );
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  list(owner: string): WireFile[] {
    return [...this.#entries.values()].filter((entry) => entry.owner === owner).map(({ wire }) => wire);
  }

  /** @throws `not_found`. */
  remove(owner: string, id: string): void {
    this.get(owner, id);
    this.#drop(id);
  }

  #drop(id: string): void {
    const { bytes, onDrop } = this.#entries.get(id)!;
    this.#totalBytes -= bytes.length;
    onDrop?.();
    this.#entries.delete(id);
  }

  #oldestOfLargestOwner(): string {
    const held = new Map<string, number>();
    for (const { owner, bytes } of this.#entries.values()) held.set(owner, (held.get(owner) ?? 0) + bytes.length);
    const [largest] = [...held].reduce((a, b) => (b[1] > a[1] ? b : a));
    for (const [id, { owner }] of this.#entries) if (owner === largest) return id;
    throw new OcellusError("internal", "internal: the file store is full of nothing");
  }
}
