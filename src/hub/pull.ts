/**
 * A repository's name to a folder that every command opens: resolve, choose, make sure there is room, fetch four files at
 * once into a staging folder, and rename that into place when every digest is right. Interrupted, it goes on from there.
 */
import { copyFile, link, readdir, rm, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ioError, OcellusError } from "../core/base/index.js";
import { makeFolder, withFolderLock, writeFileAtomically } from "../core/fs/index.js";
import { chooseFiles } from "./choose-files.js";
import { downloadFile } from "./download-file.js";
import { type Hub, hubFromEnvironment, isOffline } from "./hub.js";
import { isCommit, listRemoteFiles, type RemoteFile, resolveCommit } from "./remote-files.js";
import {
  checkRevision,
  findPulled,
  install,
  listPulled,
  manifestName,
  type PulledModel,
  parseModelName,
  placesOf,
  readPulled,
} from "./store.js";

/** One connection rarely fills a line, and more than a few make hubs refuse. */
const filesAtOnce = 4;

export interface PullOptions {
  /** A branch, a tag or a commit; default `main`. */
  readonly revision?: string;
  /** Glob patterns of further files than a checkpoint needs. */
  readonly include?: readonly string[];
  /** Fetch again what is here already. */
  readonly force?: boolean;
  /** Use what is here; default HF_HUB_OFFLINE. */
  readonly offline?: boolean;
  /** Default: what HF_ENDPOINT and HF_TOKEN say. */
  readonly hub?: Hub;
  readonly signal?: AbortSignal;
  /** Before the first byte. */
  readonly onPlan?: (plan: PullPlan) => void;
  /** Bytes of this run only, so that their speed is the network's. */
  readonly onProgress?: (progress: { doneBytes: number; totalBytes: number }) => void;
  readonly onNote?: (note: string) => void;
}

export interface PullPlan {
  readonly repo: string;
  readonly commit: string;
  readonly files: readonly RemoteFile[];
  readonly leftOut: readonly RemoteFile[];
  readonly totalBytes: number;
  /** Here from an interrupted pull or from another commit. */
  readonly keptBytes: number;
}

export interface PullResult extends PulledModel {
  readonly alreadyHere: boolean;
  readonly fetchedBytes: number;
}

/**
 * @throws `not_found`, `unavailable` (no access), `overloaded` (429), `unsupported` (no weights for us), `invalid_file`
 * (wrong bytes), `too_large`, `io` (network, full disk) and `aborted`; all but the first leave what was fetched.
 */
export async function pull(name: string, options: PullOptions = {}): Promise<PullResult> {
  const parsed = parseModelName(name);
  const { repo } = parsed;
  const revision = options.revision ?? parsed.revision;
  if (revision !== undefined) checkRevision(revision);
  if (options.offline ?? isOffline()) return alreadyHere(await pulledOffline(repo, revision));
  const hub = options.hub ?? (await hubFromEnvironment());
  const known = isCommit(revision) && (await readPulled(placesOf(repo, revision).folder));
  const commit = known ? known.commit : await resolveCommit(hub, repo, revision ?? "main", options.signal);
  const { folder, staging } = placesOf(repo, commit);
  const there = await usable(folder, options);
  if (there) return alreadyHere(there);
  const onWait = (owner: string) => options.onNote?.(`waiting for ${owner}, which is pulling the same commit`);
  const pulling = withFolderLock(staging, { signal: options.signal, onWait }, async () => {
    const meanwhile = await usable(folder, options);
    if (meanwhile) return alreadyHere(meanwhile);
    return fetchCommit(hub, { repo, commit, revision: revision ?? "main" }, options);
  });
  return pulling.finally(() => rmdir(dirname(staging)).catch(() => {})); // unless something else is in it
}

async function pulledOffline(repo: string, revision: string | undefined): Promise<PulledModel> {
  const [newest] = await findPulled(revision === undefined ? { repo } : { repo, revision });
  if (newest) return newest;
  const wanted = revision === undefined ? repo : `${repo}@${revision}`;
  throw new OcellusError("not_found", `${wanted} is not on this machine; pull it once without --offline`, {
    details: { model: wanted, offline: true },
  });
}

async function usable(folder: string, { force, include = [] }: PullOptions): Promise<PulledModel | undefined> {
  const pulled = force ? undefined : await readPulled(folder);
  return pulled && include.every((pattern) => pulled.include.includes(pattern)) ? pulled : undefined;
}

function alreadyHere(pulled: PulledModel): PullResult {
  return { ...pulled, alreadyHere: true, fetchedBytes: 0 };
}

interface Wanted {
  readonly repo: string;
  readonly commit: string;
  readonly revision: string;
}

async function fetchCommit(hub: Hub, wanted: Wanted, options: PullOptions): Promise<PullResult> {
  const { repo, commit } = wanted;
  const { folder, staging } = placesOf(repo, commit);
  const all = await listRemoteFiles(hub, repo, commit, options.signal);
  const include = [...new Set([...((await readPulled(folder))?.include ?? []), ...(options.include ?? [])])];
  const { files, leftOut } = chooseFiles(repo, all, include);
  await prepare(staging, files, options.force ? [] : await listPulled(repo));
  const { missing, missingBytes } = await whatIsMissing(staging, files);
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  options.onPlan?.({ repo, commit, files, leftOut, totalBytes, keptBytes: totalBytes - missingBytes });
  await requireSpace(staging, missingBytes, repo);
  const fetchedBytes = await fetchAll(hub, wanted, missing, missingBytes, options);
  const manifest = { ...wanted, include, date: new Date().toISOString(), files };
  await writeFileAtomically(join(staging, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  await install(staging, folder);
  return { ...manifest, files: [...files], folder, bytes: totalBytes, alreadyHere: false, fetchedBytes };
}

/** The staging folder with nothing strange in it, and with the files that other pulled commits have as well. */
async function prepare(staging: string, files: readonly RemoteFile[], pulled: readonly PulledModel[]): Promise<void> {
  try {
    await makeFolder(staging);
    await removeOthers(staging, files);
    for (const file of files) await borrow(join(staging, file.path), file, pulled);
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : ioError("prepare", staging, cause);
  }
}

/** An interrupted pull may have chosen other files. */
async function removeOthers(staging: string, files: readonly RemoteFile[]): Promise<void> {
  const wanted = new Set(files.flatMap(({ path }) => [join(staging, path), join(staging, `${path}.part`)]));
  for (const entry of await readdir(staging, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isDirectory() && !wanted.has(path)) await rm(path);
  }
}

/** Most commits change the model's page and leave the weights: a link to the same bytes saves fetching them. */
async function borrow(target: string, file: RemoteFile, pulled: readonly PulledModel[]): Promise<void> {
  for (const model of pulled) {
    const same = model.files.find((f) => f.digest === file.digest && f.sizeBytes === file.sizeBytes);
    if (!same || (await sizeOf(target)) !== undefined) continue;
    const source = join(model.folder, same.path);
    if ((await sizeOf(source)) !== file.sizeBytes) continue;
    await makeFolder(dirname(target));
    await link(source, target).catch(() => copyFile(source, target));
  }
}

async function whatIsMissing(
  staging: string,
  files: readonly RemoteFile[],
): Promise<{ missing: RemoteFile[]; missingBytes: number }> {
  const missing: RemoteFile[] = [];
  let missingBytes = 0;
  for (const file of files) {
    const path = join(staging, file.path);
    if ((await sizeOf(path)) === file.sizeBytes) continue;
    missing.push(file);
    missingBytes += Math.max(0, file.sizeBytes - ((await sizeOf(`${path}.part`)) ?? 0));
  }
  return { missing, missingBytes };
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => found.size,
    () => undefined,
  );
}

async function requireSpace(folder: string, neededBytes: number, repo: string): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  if (!disk || disk.blocks === 0) return; // some network file systems do not say
  const freeBytes = disk.bavail * disk.bsize;
  if (freeBytes >= neededBytes) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new OcellusError(
    "io",
    `${repo} needs ${gigabytes(neededBytes)} more on the disk, ${gigabytes(freeBytes)} are free in ${folder}; ` +
      "free some space, or set OCELLUS_CACHE to a folder on another disk",
    { details: { neededBytes, freeBytes, folder } },
  );
}

/** Resolves to the bytes that came over the network. The first failure stops the other files; their parts stay. */
async function fetchAll(
  hub: Hub,
  { repo, commit }: Wanted,
  files: readonly RemoteFile[],
  missingBytes: number,
  options: PullOptions,
): Promise<number> {
  const { staging } = placesOf(repo, commit);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  let [doneBytes, fetchedBytes, totalBytes] = [0, 0, missingBytes];
  const onBytes = (delta: number) => {
    if (delta > 0) fetchedBytes += delta;
    // A part thrown away has either come in this run or was counted as here.
    const lost = Math.max(0, -delta - doneBytes);
    doneBytes = Math.max(0, doneBytes + delta);
    totalBytes += lost;
    options.onProgress?.({ doneBytes, totalBytes });
  };
  const queue = files.values();
  const worker = async () => {
    for (const file of queue) await downloadFile(hub, file, staging, { repo, commit, onBytes, signal });
  };
  const workers = Array.from({ length: filesAtOnce }, () =>
    worker().catch((error: unknown) => {
      if (!failed.signal.aborted) failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers); // all files are closed before anything else happens
  if (failed.signal.aborted) throw failed.signal.reason;
  return fetchedBytes;
}
