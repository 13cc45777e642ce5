/**
 * Uploaded images and videos, in memory within a byte budget: sent once, asked many times. Not kept over a restart. When the budget
 * is full, whoever holds most loses what it has not used for longest, so that no one can push out the others. What is pinned
 * stays until it is deleted; so that the others have room, pinned files may have half of the budget.
 */
import { createHash, randomUUID } from "node:crypto";
import { OcellusError } from "../core/base/index.js";
import { sniffFormat, sniffVideo, type VideoFormat } from "../core/runtime/index.js";
import type { WireFile } from "../protocol/index.js";

/** As their owner gets them back. [https://www.iana.org/assignments/media-types] */
const videoTypes: Readonly<Record<VideoFormat, string>> = {
  ...{ mov: "video/mp4", matroska: "video/matroska", avi: "video/x-msvideo", mpegts: "video/mp2t" },
  ...{ mpeg: "video/mpeg", flv: "video/x-flv", ogg: "video/ogg" },
};

export interface StoredFile {
  readonly wire: WireFile;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

const lines = { format: "jsonl", mediaType: "application/jsonl" };

/** @throws `invalid_image` for what is neither an image nor a video. */
function kindOf(bytes: Uint8Array, filename: string): { format: string; mediaType: string } {
  const video = sniffVideo(bytes);
  if (video) return { format: video, mediaType: videoTypes[video] };
  const format = sniffFormat(bytes, filename);
  return { format, mediaType: `image/${format}` };
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
  #pinnedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#totalBytes;
  }

  /** With `onDrop` the file is pinned. @throws `invalid_image` for what is neither an image nor a video, `too_large`. */
  add(owner: string, filename: string, purpose: string, bytes: Uint8Array, onDrop?: () => void): WireFile {
    const { format, mediaType } = purpose.startsWith("batch") ? lines : kindOf(bytes, filename);
    this.#checkMemory(filename, bytes.length, onDrop !== undefined);
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
    this.makeRoom(bytes.length);
    this.#entries.set(wire.id, {
      wire,
      mediaType,
      bytes,
      owner,
      onDrop,
    });
    this.#totalBytes += bytes.length;
    if (onDrop) this.#pinnedBytes += bytes.length;
    return wire;
  }

  /** For files that are added next. */
  makeRoom(numBytes: number): void {
    while (this.#totalBytes + numBytes > this.#maxBytes) this.#drop(this.#oldestOfLargestOwner());
  }

  #checkMemory(filename: string, numBytes: number, isPinned: boolean): void {
    const most = isPinned ? this.#maxBytes / 2 - this.#pinnedBytes : this.#maxBytes - this.#pinnedBytes;
    if (numBytes <= most) return;
    const room = isPinned ? "pinned files may have half of that" : "those that are not pinned the rest";
    throw new OcellusError(
      "too_large",
      `${filename}: ${numBytes} bytes; all files together may have ${this.#maxBytes}, ${room}, ` +
        `and ${this.#pinnedBytes} are pinned; delete pinned files, or send a smaller one`,
      {
        details: {
          filename,
          numBytes,
          maxBytes: this.#maxBytes,
          mostBytes: most,
          pinnedBytes: this.#pinnedBytes,
          isPinned,
        },
      },
    );
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
    if (onDrop) this.#pinnedBytes -= bytes.length;
    onDrop?.();
    this.#entries.delete(id);
  }

  #oldestOfLargestOwner(): string {
    const held = new Map<string, number>();
    const movable = [...this.#entries].filter(([, { onDrop }]) => !onDrop);
    for (const [, { owner, bytes }] of movable) held.set(owner, (held.get(owner) ?? 0) + bytes.length);
    const [largest] = [...held].reduce((a, b) => (b[1] > a[1] ? b : a));
    for (const [id, { owner }] of movable) if (owner === largest) return id;
    throw new OcellusError("internal", "internal: the file store is full of nothing");
  }
}
