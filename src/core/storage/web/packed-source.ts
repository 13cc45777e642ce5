/** The files of a packed model, wherever a page has them: in the browser's storage, or in memory. */
import { invariant, OcellusError, Semaphore } from "../../base/index.js";
import type { EntryStore } from "./entry-store.js";
import { type FileList, type ListedFile, type Part, partEntry, partsOf, sha256 } from "./file-list.js";

export const manifestName = "packed.json";

/** Of parts: browsers read and hash on threads of their own, beside each other; each part in hand is in memory twice. */
const readsAtOnce = 4;

export interface PackedSource {
  /** Where the model came from, with a slash at its end; empty where the page had it. */
  readonly url: string;
  /** SHA-256 of packed.json, which holds those of all parts: names the content. */
  readonly digest: string;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Of a small file beside the weights; undefined when the model has none of that name. */
  text(name: string): Promise<string | undefined>;
  /** A whole file, checked part by part; the memory is the caller's. @throws `not_found`, `invalid_file`. */
  bytes(name: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Bytes [start, end) of a file. @throws `not_found`. */
  range(name: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** From then on other pages may remove what this model no longer needs. */
  close(): void;
}

/** What names a model that is stored. */
export interface StoredModel {
  readonly url: string;
  readonly digest: string;
  readonly manifest: string;
  readonly files: FileList;
}

/** @param release called at the end; more than once changes nothing. */
export function storedSource(model: StoredModel, store: EntryStore, release: () => void): PackedSource {
  const files = new Map(model.files.list.map((file) => [file.name, file]));
  const find = (name: string): ListedFile => {
    const file = files.get(name);
    if (file) return file;
    throw new OcellusError("not_found", `${model.url} has no file ${name}`, {
      details: { url: model.url, file: name },
    });
  };
  const bytes = async (name: string) => {
    const file = find(name);
    const whole = new Uint8Array(file.bytes);
    const reads = new Semaphore(readsAtOnce);
    const parts = partsOf(file, model.files);
    await Promise.all(parts.map((part) => reads.run(async () => whole.set(await readPart(store, part), part.start))));
    return whole;
  };
  return {
    url: model.url,
    digest: model.digest,
    files: model.files.list.map((file) => ({ name: file.name, sizeBytes: file.bytes })),
    bytes,
    text: async (name) => {
      if (name === manifestName) return model.manifest;
      return files.has(name) ? new TextDecoder().decode(await bytes(name)) : undefined;
    },
    range: async (name, start, end) => {
      const file = find(name);
      invariant(0 <= start && start <= end && end <= file.bytes, "a range lies in its file", {
        file: name,
        start,
        end,
      });
      const piece = new Uint8Array(end - start);
      for (const part of partsOf(file, model.files)) {
        const from = Math.max(start, part.start);
        const to = Math.min(end, part.start + part.sizeBytes);
        if (from < to) piece.set(await readStored(store, part, from - part.start, to - part.start), from - start);
      }
      return piece;
    },
    close: release,
  };
}

/** A model whose files a page has already, such as those of a folder that its user chose. @throws `not_found` without packed.json. */
export async function memorySource(
  given: Readonly<Record<string, Uint8Array<ArrayBuffer> | Blob>>,
): Promise<PackedSource> {
  const files = new Map(Object.entries(given).map(([name, file]) => [name, new Blob([file])]));
  const find = (name: string): Blob => {
    const file = files.get(name);
    if (file) return file;
    throw new OcellusError("not_found", `the model has no file ${name}`, { details: { file: name } });
  };
  const range = async (name: string, start?: number, end?: number) =>
    new Uint8Array(await find(name).slice(start, end).arrayBuffer());
  return {
    url: "",
    digest: await sha256(await range(manifestName)),
    files: [...files].map(([name, { size }]) => ({ name, sizeBytes: size })),
    text: async (name) => files.get(name)?.text(),
    bytes: (name) => range(name),
    range,
    close: () => {},
  };
}

/** Whole and right. What is damaged is removed, so that opening fetches it again. */
async function readPart(store: EntryStore, part: Part): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readStored(store, part, 0, part.sizeBytes);
  if (bytes.length === part.sizeBytes && (await sha256(bytes)) === part.digest) return bytes;
  await store.remove(partEntry(part.digest));
  throw new OcellusError(
    "invalid_file",
    `${part.file.name}: the browser's copy of bytes ${part.start} to ${part.start + part.sizeBytes} is damaged and was removed; open the model again`,
    { details: { file: part.file.name, start: part.start, expected: part.digest } },
  );
}

async function readStored(store: EntryStore, part: Part, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await store.read(partEntry(part.digest), start, end);
  if (bytes) return bytes;
  throw new OcellusError(
    "not_found",
    `${part.file.name}: the browser has removed what it had stored of it; open the model again`,
    { details: { file: part.file.name, start: part.start } },
  );
}
