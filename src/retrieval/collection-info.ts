/**
 * `collection.json`: what a collection is called, which model made its vectors, which generation of its files counts. It has a
 * digest of itself, and a copy beside it: one damaged byte of a few hundred must not cost what took hours to encode.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ioError, OcellusError } from "../core/base/index.js";
import { pathExists, writeFileAtomically } from "../core/fs/index.js";
import { digestOf, fileOf } from "./collection-files.js";
import { indexKinds } from "./vector-index.js";

export const collectionModelSchema = z.object({
  /** Of the checkpoint, its formats and graphs: equal versions give comparable vectors. */
  version: z.string(),
  /** For people: family and format. */
  name: z.string(),
  dimensions: z.number().int().min(1).max(16_384),
});
export type CollectionModel = Readonly<z.infer<typeof collectionModelSchema>>;

const infoSchema = z.object({
  name: z.string(),
  kind: z.enum(indexKinds),
  model: collectionModelSchema,
  created: z.string(),
  generation: z.number().int().min(1),
});
export type CollectionInfo = Readonly<z.infer<typeof infoSchema>>;

const [infoName, copyName] = ["collection.json", "collection-copy.json"];

/** From the rename of `collection.json` on, its generation counts. @throws `io`. */
export async function writeInfo(folder: string, info: CollectionInfo): Promise<void> {
  const text = `${JSON.stringify({ ...info, digest: infoDigest(info) }, null, 2)}\n`;
  await writeFileAtomically(join(folder, infoName), text);
  // It counts already: a caller that took it for failed would remove files that are in use.
  await writeFileAtomically(join(folder, copyName), text).catch(() => {});
}

/** @throws `not_found`, `invalid_file`, `io`. */
export async function readInfo(folder: string): Promise<CollectionInfo> {
  const path = join(folder, infoName);
  const info = (await readOne(path)) ?? (await readCopy(folder));
  if (info) return info;
  if (!(await hasInfo(folder))) throw new OcellusError("not_found", `${path} is not there`, { details: { path } });
  throw new OcellusError(
    "invalid_file",
    `${path} describes no collection of this version of Ocellus, and its copy does not help: ` +
      "import a snapshot, or remove the collection and add its sources again",
    { details: { path } },
  );
}

/** Whole or damaged. */
export async function hasInfo(folder: string): Promise<boolean> {
  return (await pathExists(join(folder, infoName))) || pathExists(join(folder, copyName));
}

/** Which of the two files are not as they were written. @throws `io`. */
export async function damagedInfoFiles(folder: string, info: CollectionInfo): Promise<string[]> {
  const written = JSON.stringify(info);
  const isDamaged = async (name: string) => JSON.stringify(await readOne(join(folder, name))) !== written;
  const names = [infoName, copyName];
  const damaged = await Promise.all(names.map(isDamaged));
  return names.filter((_, i) => damaged[i]);
}

/** One that a killed process left behind a generation would show a collection of the past. */
async function readCopy(folder: string): Promise<CollectionInfo | undefined> {
  const info = await readOne(join(folder, copyName));
  const later = info && fileOf(folder, "entries", { ...info, generation: info.generation + 1 });
  return later && (await pathExists(later)) ? undefined : info;
}

/** Undefined when it is missing or damaged. @throws `io`. */
async function readOne(path: string): Promise<CollectionInfo | undefined> {
  const text = await readFile(path, "utf8").catch((cause: { code?: string }) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return "";
    throw ioError("read the collection", path, cause);
  });
  try {
    const json = JSON.parse(text) as { digest?: unknown };
    const info = infoSchema.parse(json);
    return json.digest === undefined || json.digest === infoDigest(info) ? info : undefined;
  } catch {
    return undefined;
  }
}

function infoDigest(info: CollectionInfo): string {
  return digestOf(Buffer.from(JSON.stringify(infoSchema.parse(info))));
}
