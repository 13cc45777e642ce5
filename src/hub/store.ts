/**
 * Pulled checkpoints on this machine: `<cache>/models/<owner>--<name>/<commit>/`, each whole, with an `ocellus.json` that
 * says where it came from. What is still on its way lies under `<cache>/models/.partial/` and is never mistaken for one.
 */
import { readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { ioError, nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import { cacheRoot, isLocked, makeFolder, pathExists } from "../core/fs/index.js";

const manifestSchema = z.object({
  repo: z.string().refine(isRepositoryName),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  /** What was asked for: a branch, a tag or the commit. */
  revision: z.string(),
  include: z.array(z.string()),
  date: z.iso.datetime(),
  files: z.array(
    z.object({
      path: z.string(),
      sizeBytes: z.number().int().nonnegative(),
      digest: z.string(),
      digestKind: z.enum(["sha256", "git-sha1"]),
    }),
  ),
});

/** The contents of `ocellus.json`. */
export type PullManifest = z.infer<typeof manifestSchema>;

export interface PulledModel extends PullManifest {
  readonly folder: string;
  readonly bytes: number;
}

export interface PartialPull {
  readonly repo: string;
  readonly commit: string;
  readonly folder: string;
  readonly bytes: number;
  /** A pull is at work on it now. */
  readonly busy: boolean;
}

export interface ModelName {
  readonly repo: string;
  readonly revision?: string;
}

export const manifestName = "ocellus.json";

/** `owner/name`, `name`, with `@revision` or without. @throws `invalid_request`. */
export function parseModelName(text: string): ModelName {
  const [repo = "", ...rest] = text.split("@");
  const revision = rest.length > 0 ? rest.join("@") : undefined;
  if (!isRepositoryName(repo)) {
    const message = `expected a repository like Qwen/Qwen3-VL-2B-Instruct, found ${JSON.stringify(text.slice(0, 200))}`;
    throw new OcellusError("invalid_request", message);
  }
  if (revision !== undefined) checkRevision(revision);
  return revision === undefined ? { repo } : { repo, revision };
}

/** @throws `invalid_request` for what can be no branch, tag or commit. */
export function checkRevision(revision: string): void {
  if (/^[\w][\w./-]{0,199}$/.test(revision) && !revision.includes("..")) return;
  const shown = JSON.stringify(revision.slice(0, 200));
  throw new OcellusError("invalid_request", `revision: expected a branch, a tag or a commit, found ${shown}`);
}

/** The hub's own rule; without `--` inside, `owner--name` can be read back. */
function isRepositoryName(text: string): boolean {
  const parts = text.split("/");
  return parts.length <= 2 && parts.every((part) => /^\w[\w.-]{0,95}$/.test(part) && !/--|\.\.|[.-]$/.test(part));
}

function modelsFolder(): string {
  return join(cacheRoot(), "models");
}

/** Where a commit lies when it is whole, and where it grows. */
export function placesOf(repo: string, commit: string): { folder: string; staging: string } {
  const name = repo.replace("/", "--");
  return {
    folder: join(modelsFolder(), name, commit),
    staging: join(modelsFolder(), ".partial", name, commit),
  };
}

/** The newest first. Folders without a readable `ocellus.json` are not ours and are passed over. */
export async function listPulled(repo?: string): Promise<PulledModel[]> {
  const folders = await commitFolders(modelsFolder(), repo);
  const models = await Promise.all(folders.map((folder) => readPulled(folder)));
  return models.filter((model) => model !== undefined).sort((a, b) => (a.date < b.date ? 1 : -1));
}

/** One pulled commit, if it is there. */
export async function readPulled(folder: string): Promise<PulledModel | undefined> {
  const text = await readFile(join(folder, manifestName), "utf8").catch(() => undefined);
  const manifest = manifestSchema.safeParse(parseOrUndefined(text)).data;
  return manifest && { ...manifest, folder, bytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}

function parseOrUndefined(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Interrupted pulls, and those at work. */
export async function listPartial(repo?: string): Promise<PartialPull[]> {
  const folders = await commitFolders(join(modelsFolder(), ".partial"), repo);
  return Promise.all(
    folders.map(async (folder) => {
      const [name, commit] = folder.split(/[\\/]/).slice(-2) as [string, string];
      const bytes = [...(await filesBelow(folder)).values()].reduce((sum, file) => sum + file.bytes, 0);
      return { repo: name.replace("--", "/"), commit, folder, bytes, busy: await isLocked(folder) };
    }),
  );
}

async function commitFolders(root: string, repo: string | undefined): Promise<string[]> {
  const names = repo === undefined ? await namesIn(root) : [repo.replace("/", "--")];
  const commits = await Promise.all(
    names.map(async (name) => (await namesIn(join(root, name))).map((commit) => join(root, name, commit))),
  );
  return commits.flat().filter((folder) => /[\\/][0-9a-f]{40}$/.test(folder));
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** The revisions of `repo` that are here, the newest first; `revision`: as asked for, or the start of a commit. */
export async function findPulled({ repo, revision }: ModelName): Promise<PulledModel[]> {
  const models = await listPulled(repo);
  return models.filter(
    (m) => revision === undefined || m.revision === revision || (revision.length >= 6 && m.commit.startsWith(revision)),
  );
}

/**
 * The folder of a model: an existing path, else the newest pulled commit of `owner/name` (or of `owner/name@revision`).
 * @throws `not_found`, naming the command that would fetch it.
 */
export async function resolveModel(nameOrPath: string): Promise<string> {
  if (await pathExists(nameOrPath)) return nameOrPath;
  const name = nameOr(nameOrPath);
  const pulled = name && (await findPulled(name));
  if (pulled?.[0]) return pulled[0].folder;
  const known = (await listPulled()).map((model) => model.repo);
  throw new OcellusError(
    "not_found",
    name
      ? `no model ${nameOrPath}: neither a folder here nor a pulled checkpoint${nearestHint(name.repo, new Set(known))}; try: ocellus pull ${name.repo}${name.revision ? ` --revision ${name.revision}` : ""}`
      : `no model at ${nameOrPath}: it does not exist; expected a checkpoint folder, a packed model or the name of a pulled checkpoint`,
    { details: { model: nameOrPath, nearest: name ? nearestNames(name.repo, new Set(known)) : [] } },
  );
}

function nameOr(text: string): ModelName | undefined {
  try {
    return parseModelName(text);
  } catch {
    return undefined;
  }
}

/** Puts a finished staging folder in its place; what stood there goes away. */
export async function install(staging: string, folder: string): Promise<void> {
  const old = `${staging}.old`;
  await makeFolder(dirname(folder));
  try {
    await rm(old, { recursive: true, force: true });
    if (await pathExists(folder)) await rename(folder, old);
    await rename(staging, folder);
    await rm(old, { recursive: true, force: true });
  } catch (cause) {
    throw ioError("write", folder, cause);
  }
}

/** Removes pulled or partial folders; resolves to the bytes that the disk gets back. */
export async function removeFolders(folders: readonly string[]): Promise<number> {
  const bytes = await bytesOnlyIn(folders);
  for (const folder of folders) {
    try {
      await rm(join(folder, manifestName), { force: true }); // first: half a folder is no model
      await rm(folder, { recursive: true, force: true });
    } catch (cause) {
      throw ioError("remove", folder, cause);
    }
    await rmdir(dirname(folder)).catch(() => {}); // the last of its repository
  }
  return bytes;
}

interface FileOnDisk {
  readonly bytes: number;
  readonly links: number;
  readonly seen: number;
}

/** Commits share equal files as hard links: only what no other folder holds will be free. */
async function bytesOnlyIn(folders: readonly string[]): Promise<number> {
  const files = new Map<string, FileOnDisk>();
  for (const folder of folders) await filesBelow(folder, files);
  return [...files.values()].reduce((sum, { bytes, links, seen }) => sum + (seen >= links ? bytes : 0), 0);
}

async function filesBelow(folder: string, files = new Map<string, FileOnDisk>()): Promise<Map<string, FileOnDisk>> {
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (!found?.isFile()) continue;
    const id = `${found.dev}:${found.ino}`;
    files.set(id, { bytes: found.size, links: found.nlink, seen: (files.get(id)?.seen ?? 0) + 1 });
  }
  return files;
}
