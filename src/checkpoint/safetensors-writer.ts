/** Writing a safetensors file as a stream: names and shapes first, then the bytes in the same order. */
import { type FileHandle, open } from "node:fs/promises";
import { invariant, ioError } from "../base/index.js";
import { byteLength, type Tensor, type TensorInfo } from "../tensor/index.js";
import { dtypeNames } from "./safetensors.js";

/** Data starts on a multiple of this, so that aligned tensors stay aligned when the file is mapped. */
const dataAlignment = 64;

export class SafetensorsWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #offsets: ReadonlyMap<string, number>;
  readonly #end: number;
  #position: number;

  /** @internal Use `createSafetensorsWriter`. */
  constructor(path: string, handle: FileHandle, offsets: ReadonlyMap<string, number>, start: number, end: number) {
    this.#path = path;
    this.#handle = handle;
    this.#offsets = offsets;
    this.#position = start;
    this.#end = end;
  }

  /** The next bytes, in the order of the tensors; a tensor may come in several pieces. @throws `io` (a full disk). */
  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#position + bytes.length <= this.#end, `more bytes than the header of ${this.#path} promises`);
    await writeAll(this.#handle, bytes, this.#path);
    this.#position += bytes.length;
  }

  /** Where the tensor's first byte lies in the file. */
  offsetOf(name: string): number {
    const offset = this.#offsets.get(name);
    invariant(offset !== undefined, `${this.#path} holds no tensor ${name}`);
    return offset;
  }

  /** Checks that all was written, and makes it durable. */
  async finish(): Promise<void> {
    invariant(this.#position === this.#end, `${this.#path}: ${this.#end - this.#position} bytes were never written`);
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

/** Opens `path` and writes the header for these tensors. The caller's order is kept. */
export async function createSafetensorsWriter(
  path: string,
  infos: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<SafetensorsWriter> {
  const { header, offsets, dataBytes } = layOut(infos, metadata);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "w");
    await writeAll(handle, header, path);
  } catch (cause) {
    await handle?.close();
    throw ioError("write", path, cause);
  }
  return new SafetensorsWriter(path, handle, offsets, header.length, header.length + dataBytes);
}

function layOut(infos: readonly TensorInfo[], metadata: Readonly<Record<string, string>>) {
  const entries: [string, unknown][] = [["__metadata__", { format: "pt", ...metadata }]];
  const relative = new Map<string, number>();
  let end = 0;
  for (const { name, dtype, shape } of infos) {
    invariant(!relative.has(name), `tensor ${name} is written twice`);
    relative.set(name, end);
    const begin = end;
    end += byteLength(dtype, shape);
    entries.push([name, { dtype: dtypeNames[dtype], shape, data_offsets: [begin, end] }]);
  }
  const json = new TextEncoder().encode(
    `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`,
  );
  const header = new Uint8Array(Math.ceil((8 + json.length) / dataAlignment) * dataAlignment).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  const offsets = new Map([...relative].map(([name, offset]) => [name, offset + header.length]));
  return { header, offsets, dataBytes: end };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    let done = 0;
    while (done < bytes.length)
      done += (await handle.write(bytes, done, Math.min(bytes.length - done, 2 ** 30))).bytesWritten;
  } catch (cause) {
    throw ioError("write", path, cause);
  }
}

/** A whole file at once, for small checkpoints and tests. */
export async function writeSafetensors(
  path: string,
  tensors: readonly Tensor[],
  metadata?: Record<string, string>,
): Promise<void> {
  const writer = await createSafetensorsWriter(path, tensors, metadata);
  for (const { bytes } of tensors) await writer.write(bytes);
  await writer.finish();
}
