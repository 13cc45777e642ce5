/**
 * Good bytes in the place of damaged ones: from folders that people name (the checkpoint that was published, an OCI layout), or
 * from the folder of a version whose links still hold them. What counts is a file's digest, not its name.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileDigest } from "../core/fs/index.js";
import type { BlobStore, CopyOptions } from "./blobs.js";
import type { Manifest, ManifestFile } from "./manifest.js";
import { filesOf } from "./publish.js";
import { isLinked, linkFolder, placeOf, strangeFiles } from "./version-folder.js";

/** A version and where its links lie, if they do. */
export interface Placed {
  readonly manifest: Manifest;
  readonly folder: string;
}

/** What is wrong with a version, one line each: its stored files, and the folder of links that is loaded. */
export async function problemsOf(blobs: BlobStore, { manifest, folder }: Placed, copy: CopyOptions): Promise<string[]> {
  const problems: string[] = [];
  for (const file of manifest.files) {
    const problem = await blobs.check(file.digest, file.sizeBytes, copy);
    if (problem !== undefined) problems.push(`${file.path}: ${problem}`);
    else if (!(await isLinked(blobs, folder, file)))
      problems.push(`${file.path}: ${placeOf(folder, file)} is not the stored file`);
  }
  const strange = await strangeFiles(folder, manifest.files);
  return [...problems, ...strange.map((path) => `${join(folder, path)} does not belong to it`)];
}

/**
 * Puts right what can be, and leaves the rest as it is.
 * @param all versions of the registry @param sources folders that may have the good bytes
 * @returns what was done, one line each @throws `not_found`, `io`, `aborted`
 */
export async function repair(
  blobs: BlobStore,
  version: Placed,
  all: readonly Placed[],
  sources: readonly string[],
  copy: CopyOptions,
): Promise<string[]> {
  const { manifest, folder } = version;
  const done: string[] = [];
  const known = [...all.flatMap(linksOf), ...(await Promise.all(sources.map(filesBelow))).flat()];
  for (const file of manifest.files) {
    const isWhole = (await blobs.check(file.digest, file.sizeBytes, copy)) === undefined;
    const from = isWhole ? undefined : await goodCopy(file, known, copy);
    if (from === undefined) continue;
    await blobs.add(from, { signal: copy.signal });
    done.push(`${file.path}: stored again from ${from}`);
  }
  for (const path of await strangeFiles(folder, manifest.files)) {
    await rm(join(folder, path), { force: true });
    done.push(`${join(folder, path)}: removed`);
  }
  return [...done, ...(await linkAgain(blobs, version))];
}

/** Only what is whole is linked: a link to damaged bytes may be all that is left of good ones. */
async function linkAgain(blobs: BlobStore, { manifest, folder }: Placed): Promise<string[]> {
  const wrong: ManifestFile[] = [];
  for (const file of manifest.files) {
    if (await isLinked(blobs, folder, file)) continue;
    if ((await blobs.check(file.digest, file.sizeBytes)) === undefined) wrong.push(file);
  }
  if (wrong.length > 0) await linkFolder(blobs, folder, wrong);
  return wrong.map(({ path }) => `${path}: linked to the stored file again`);
}

interface Candidate {
  readonly path: string;
  readonly sizeBytes: number;
}

function linksOf({ manifest, folder }: Placed): Candidate[] {
  return manifest.files.map((file) => ({ path: placeOf(folder, file), sizeBytes: file.sizeBytes }));
}

async function filesBelow(folder: string): Promise<Candidate[]> {
  return (await filesOf(folder)).map(({ path, sizeBytes }) => ({ path: join(folder, path), sizeBytes }));
}

/** Only files of the right size are read. */
async function goodCopy(
  { digest, sizeBytes }: ManifestFile,
  known: readonly Candidate[],
  { signal }: CopyOptions,
): Promise<string | undefined> {
  for (const candidate of known) {
    if (candidate.sizeBytes !== sizeBytes) continue;
    const found = await stat(candidate.path).catch(() => undefined);
    if (found?.size !== sizeBytes) continue;
    if (`sha256:${await fileDigest(candidate.path, { signal })}` === digest) return candidate.path;
  }
  return undefined;
}
