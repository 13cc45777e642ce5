/** Writing a safetensors file as a stream: names and shapes first, then the bytes in the same order. */
import { type FileHandle, open } from "node:fs/promises";
import { invariant, ioError } from "../base/index.js";
import { byteLength, type Tensor, type TensorInfo } from "../tensor/index.js";
import { dtypeNames } from "./safetensors.js";

/** One tensor's place in the file. */
interface Placed {
  readonly name: string;
  readonly offset: number;
  readonly end: number;
}

/** Data starts on a multiple of this, so that aligned tensors stay aligned when the file is mapped. */
const dataAlignment = 64;

export class SafetensorsWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #tensors: readonly Placed[];
  readonly #offsets: ReadonlyMap<string, number>;
  /** The tensor being written. */
  #current = 0;
  #position: number;

  /** @internal Use `createSafetensorsWriter`. */
  constructor(path: string, handle: FileHandle, tensors: readonly Placed[], start: number) {
    this.#path = path;
    this.#handle = handle;
    this.#tensors = tensors;
    this.#offsets = new Map(tensors.map(({ name, offset }) => [name, offset]));
    this.#position = start;
  }

  /**
   * The next bytes, in the order of the tensors; a tensor may come in several pieces, a piece belongs to one tensor.
   * @throws `io` (a full disk).
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    while (this.#position === this.#tensors[this.#current]?.end) this.#current++;
    const tensor = this.#tensors[this.#current];
    invariant(tensor, `${this.#path}: ${bytes.length} bytes after the last tensor`);
    const left = tensor.end - this.#position;
    invariant(bytes.length <= left, `${this.#path}: ${bytes.length} bytes for ${tensor.name}, which lacks ${left}`, {
      tensor: tensor.name,
      expected: left,
      found: bytes.length,
    });
    await writeAll(this.#handle, bytes, this.#path);
    this.#position += bytes.length;
  }

  /** Where the tensor's first byte is in the file. */
  offsetOf(name: string): number {
    const offset = this.#offsets.get(name);
    invariant(offset !== undefined, `${this.#path} holds no tensor ${name}`);
    return offset;
  }

  /** Checks that all was written, and makes it durable. */
  async finish(): Promise<void> {
    const end = this.#tensors.at(-1)?.end ?? this.#position;
    invariant(this.#position === end, `${this.#path}: ${end - this.#position} bytes were never written`, {
      missingBytes: end - this.#position,
    });
    try {
      await this.#handle.sync();
      await this.#handle.close();
    } catch (cause) {
      throw ioError("write", this.#path, cause);
    }
  }

  /** Gives up; the caller removes the file. */
  async abort(): Promise<void> {
    await this.#handle.close().catch(() => {});
  }
}

/** Opens `path` and writes the header for these tensors. The caller's order is kept. @throws `io`. */
export async function createSafetensorsWriter(
  path: string,
  infos: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<SafetensorsWriter> {
  const { header, tensors } = layOut(infos, metadata);
  let handle: FileHandle;
  try {
    handle = await open(path, "w");
  } catch (cause) {
    throw ioError("write", path, cause);
  }
  const writer = new SafetensorsWriter(path, handle, tensors, header.length);
  try {
    await writeAll(handle, header, path);
    return writer;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function layOut(infos: readonly TensorInfo[], metadata: Readonly<Record<string, string>>) {
  const entries = new Map<string, unknown>([["__metadata__", { format: "pt", ...metadata }]]);
  const relative: Placed[] = [];
  let offset = 0;
  for (const { name, dtype, shape } of infos) {
    invariant(!entries.has(name), `tensor ${name} is written twice, or its name is taken by the format`);
    const end = offset + byteLength(dtype, shape);
    entries.set(name, { dtype: dtypeNames[dtype], shape, data_offsets: [offset, end] });
    relative.push({ name, offset, end });
    offset = end;
  }
  const header = encodeHeader(entries);
  const start = header.length;
  return { header, tensors: relative.map((t) => ({ ...t, offset: t.offset + start, end: t.end + start })) };
}

/** The length and the JSON, filled up with spaces to the data. Not an object: `__proto__` is a name like others. */
function encodeHeader(entries: ReadonlyMap<string, unknown>): Uint8Array {
  const members = [...entries].map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const header = new Uint8Array(Math.ceil((8 + json.length) / dataAlignment) * dataAlignment).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    let done = 0;
    while (done < bytes.length) {
      const step = Math.min(bytes.length - done, 2 ** 30); // one write system call is limited to 2 GiB
      done += (await handle.write(bytes, done, step)).bytesWritten;
    }
  } catch (cause) {
    throw ioError("write", path, cause);
  }
}

/** A whole file at once, for small checkpoints and tests. @throws `io`. */
export async function writeSafetensors(
  path: string,
  tensors: readonly Tensor[],
  metadata?: Record<string, string>,
): Promise<void> {
  const writer = await createSafetensorsWriter(path, tensors, metadata);
  try {
    for (const { name, dtype, shape, bytes } of tensors) {
      const expected = byteLength(dtype, shape);
      invariant(bytes.length === expected, `tensor ${name} has ${bytes.length} bytes, its shape asks for ${expected}`);
      await writer.write(bytes);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
