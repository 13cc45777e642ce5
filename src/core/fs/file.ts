/** Positioned reads of one file, with every failure in words. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { ioError, OcellusError } from "../base/index.js";

/** Bytes that can be read at any place: a file, a part of one, or memory. */
export interface ByteSource {
  /** For messages. */
  readonly path: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`. @throws `invalid_file` when there are fewer. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export class RandomAccessFile implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, size: number, mtimeMs: number) {
    this.path = path;
    this.#handle = handle;
    this.size = size;
    this.mtimeMs = mtimeMs;
  }

  static async open(path: string): Promise<RandomAccessFile> {
    let handle: FileHandle | undefined;
    try {
      // Before opening: a named pipe without a writer would hold us forever, and a device has no end.
      if (!(await stat(path)).isFile()) throw notRegular(path);
      handle = await open(path, "r");
      const { size, mtimeMs } = await handle.stat();
      return new RandomAccessFile(path, handle, size, mtimeMs);
    } catch (cause) {
      await handle?.close();
      throw cause instanceof OcellusError ? cause : ioError("open", path, cause);
    }
  }

  /** Exactly `length` bytes from `offset`, in `into` if it is given. @throws `invalid_file` when the file ends before. */
  async read(offset: number, length: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    if (offset < 0 || offset + length > this.size) throw this.#short(offset, length, this.size);
    const bytes = into?.subarray(0, length) ?? this.#allocate(length);
    let done = 0;
    while (done < length) {
      // One read system call is limited to 2 GiB; larger tensors take several.
      const step = Math.min(length - done, 2 ** 30);
      const bytesRead = await this.#readOnce(bytes, done, step, offset + done);
      if (bytesRead === 0) throw this.#short(offset, length, offset + done);
      done += bytesRead;
    }
    return bytes;
  }

  #allocate(length: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(length);
    } catch (cause) {
      const message = `${this.path}: no memory for ${length} bytes in one piece; read the tensor in ranges`;
      throw new OcellusError("too_large", message, { details: { path: this.path, length }, cause });
    }
  }

  async #readOnce(bytes: Uint8Array, at: number, length: number, position: number): Promise<number> {
    try {
      return (await this.#handle.read(bytes, at, length, position)).bytesRead;
    } catch (cause) {
      throw ioError("read", this.path, cause);
    }
  }

  #short(offset: number, length: number, found: number): OcellusError {
    return new OcellusError(
      "invalid_file",
      `${this.path}: expected ${length} bytes at offset ${offset}, the file ends at ${found}; ` +
        "it is cut short: download or copy it again",
      { details: { path: this.path, offset, length, found } },
    );
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A part of another source. */
export function partOf(whole: ByteSource, start: number, size: number): ByteSource {
  return { path: whole.path, size, read: (offset, length) => whole.read(start + offset, length) };
}

/** What to say of a folder, a pipe, a socket or a device where a file was expected. */
export function notRegular(path: string): OcellusError {
  return new OcellusError("invalid_file", `${path} is no regular file: weights and configs are read from files only`);
}
