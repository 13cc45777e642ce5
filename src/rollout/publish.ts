/** From a model's folder to a version: its files stored by digest, then one journal entry. Before that entry nothing has happened. */
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ioError, OcellusError } from "../core/base/index.js";
import type { BlobStore, CopyOptions } from "./blobs.js";
import { readLineage } from "./lineage.js";
import { checkTag, type Manifest, type ManifestFile } from "./manifest.js";

export interface PublishOptions {
  readonly tag: string;
  readonly family: string;
  readonly quantization: string;
  readonly createdBy: string;
  readonly parent?: string | undefined;
  readonly notes?: string | undefined;
}

export interface PublishProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A checkpoint has some hundred files; a home folder, given by mistake, has more. */
const maxFiles = 10_000;

/**
 * Stores a folder's files. Those a killed run had stored are read again but not written again.
 * @throws `not_found`, `invalid_file` for an empty folder, `io` for a full disk, `aborted`
 */
export async function storeFolder(
  blobs: BlobStore,
  folder: string,
  options: PublishOptions,
  copy: CopyOptions & { onProgress?: ((progress: PublishProgress) => void) | undefined } = {},
): Promise<Manifest> {
  checkTag(options.tag); // before minutes of copying
  const lineage = await readLineage(folder);
  const found = await filesOf(folder);
  const totalBytes = found.reduce((sum, file) => sum + file.sizeBytes, 0);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    copy.onProgress?.({ doneBytes, totalBytes });
  };
  const files: ManifestFile[] = [];
  for (const { path } of found) {
    const stored = await blobs.add(join(folder, path), { signal: copy.signal, onBytes });
    files.push({ path: path.split(sep).join("/"), ...stored });
  }
  const createdAt = new Date().toISOString();
  return { schemaVersion: 1, files, createdAt, ...withoutAbsent(options), ...(lineage && { lineage }) };
}

/** Regular files, hidden ones left out (`.git`, `.cache`); links are followed: hubs' caches are made of them. */
export async function filesOf(folder: string): Promise<{ path: string; sizeBytes: number }[]> {
  const names = await readdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw ioError("read the folder", folder, cause);
  });
  const files: { path: string; sizeBytes: number }[] = [];
  for (const name of names.sort()) {
    if (name.split(sep).some((part) => part.startsWith("."))) continue;
    const found = await stat(join(folder, name)).catch((cause: unknown) => {
      throw ioError("read", join(folder, name), cause);
    });
    if (found.isFile()) files.push({ path: relative(".", name), sizeBytes: found.size });
    if (files.length > maxFiles)
      throw new OcellusError(
        "too_large",
        `${folder}: expected a model's folder, found more than ${maxFiles} files in it`,
        { details: { folder, limit: maxFiles } },
      );
  }
  if (files.length === 0)
    throw new OcellusError("invalid_file", `${folder}: expected a model's files, found none`, {
      details: { folder, found: 0 },
    });
  return files;
}

function withoutAbsent(options: PublishOptions) {
  const { parent, notes, ...rest } = options;
  return { ...rest, ...(parent !== undefined && { parent }), ...(notes !== undefined && { notes }) };
}
