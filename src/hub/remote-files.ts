/**
 * What a repository holds at a revision: the commit, and each file's size and digest. Asked with the hub's own package;
 * what comes back is a stranger's, so names, numbers and digests are checked here before anything is made of them.
 */
import { nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import type { Hub } from "./hub.js";
import { fetchForPackage } from "./request.js";

export interface RemoteFile {
  /** Relative, with slashes, without `.` or `..`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly digest: string;
  /** Big files (git LFS) are named by SHA-256 of their bytes, others by git's SHA-1 of a blob. */
  readonly digestKind: "sha256" | "git-sha1";
}

/** Model repositories hold tens of files; those with training logs a few thousand. */
const maxFiles = 20_000;
/** The hub refuses single files over 500 GB. */
const maxFileBytes = 2 ** 40;
/** File systems end at 255 bytes a name. */
const maxNameBytes = 255;
const maxPathBytes = 1024;

/** The commit that a branch, a tag or a commit names now. @throws `not_found` with the nearest names, `unavailable`, `io`. */
export async function resolveCommit(hub: Hub, repo: string, revision: string, signal?: AbortSignal): Promise<string> {
  const { modelInfo } = await import("@huggingface/hub");
  const fetch = fetchForPackage(hub, repo, signal);
  try {
    const info = await modelInfo({ name: repo, revision, additionalFields: ["sha"], hubUrl: hub.endpoint, fetch });
    if (isCommit(info.sha)) return info.sha;
  } catch (error) {
    throw await withNames(hub, repo, revision, error);
  }
  throw unexpectedAnswer(hub, repo, "the commit of a revision (40 hexadecimal digits)");
}

export function isCommit(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{40}$/.test(text);
}

/** All files of a commit, by path. @throws `invalid_file` for a name that could leave its folder, `too_large`, `io`. */
export async function listRemoteFiles(
  hub: Hub,
  repo: string,
  commit: string,
  signal?: AbortSignal,
): Promise<RemoteFile[]> {
  const { listFiles } = await import("@huggingface/hub");
  const files = new Map<string, RemoteFile>();
  let numEntries = 0;
  const fetch = boundedPages(fetchForPackage(hub, repo, signal), repo);
  for await (const entry of asOurs(
    hub,
    repo,
    listFiles({ repo, revision: commit, recursive: true, hubUrl: hub.endpoint, fetch }),
  )) {
    if (++numEntries > maxFiles) throw tooManyFiles(repo);
    const file = parseEntry(repo, entry);
    if (file) files.set(file.path, file);
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Whatever the package stumbles over in an answer of another shape becomes an error of ours. */
async function* asOurs(hub: Hub, repo: string, entries: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* entries;
  } catch (cause) {
    throw cause instanceof OcellusError ? cause : unexpectedAnswer(hub, repo, "a listing of files", cause);
  }
}

/** A listing whose pages are empty and point to one another would never end. */
function boundedPages(inner: typeof fetch, repo: string): typeof fetch {
  let pages = 0;
  return (input, init) => {
    if (++pages > maxFiles) throw tooManyFiles(repo);
    return inner(input, init);
  };
}

function tooManyFiles(repo: string): OcellusError {
  return new OcellusError(
    "too_large",
    `${repo} lists more than ${maxFiles} files; this does not look like a checkpoint`,
    { details: { repo, limit: maxFiles } },
  );
}

function parseEntry(repo: string, entry: unknown): RemoteFile | undefined {
  const { type, path, size, oid, lfs } = (entry ?? {}) as Record<string, unknown>;
  if (type !== "file") return undefined;
  checkPath(repo, path);
  const big = lfs as { oid?: unknown; size?: unknown } | undefined;
  const sizeBytes = big?.size ?? size;
  if (typeof sizeBytes !== "number" || !Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > maxFileBytes)
    throw new OcellusError(
      "too_large",
      `${repo}: ${path} has a size of ${sizeBytes}, the limit is ${maxFileBytes} bytes`,
      { details: { repo, path, sizeBytes, limit: maxFileBytes } },
    );
  const digest = big?.oid ?? oid;
  const digestKind = big ? "sha256" : "git-sha1";
  if (typeof digest !== "string" || !/^[0-9a-f]+$/.test(digest) || digest.length !== (big ? 64 : 40))
    throw new OcellusError(
      "invalid_file",
      `${repo}: ${path} is listed without a ${digestKind} digest; nothing could prove its bytes`,
      { details: { repo, path, missing: digestKind } },
    );
  return { path, sizeBytes, digest, digestKind };
}

function checkPath(repo: string, path: unknown): asserts path is string {
  const parts = typeof path === "string" ? path.split("/") : [];
  const fits =
    parts.every((part) => Buffer.byteLength(part) <= maxNameBytes) &&
    Buffer.byteLength(parts.join("/")) <= maxPathBytes;
  // A backslash and a colon mean a folder, a drive or a stream on Windows.
  const safe = parts.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\:\p{Cc}]/u.test(part));
  if (parts.length > 0 && fits && safe) return;
  const shown = JSON.stringify(path)?.slice(0, 100);
  throw new OcellusError(
    "invalid_file",
    `${repo} lists a file named ${shown}; expected a relative path of plain names`,
    { details: { repo, path: shown } },
  );
}

function unexpectedAnswer(hub: Hub, repo: string, expected: string, cause?: unknown): OcellusError {
  const message = `${repo}: the answer of ${hub.endpoint} is not ${expected}; check HF_ENDPOINT`;
  return new OcellusError("io", message, { details: { repo, expected }, cause });
}

/** The same error with the names that come nearest. Finding none, or failing to look, adds nothing. */
async function withNames(hub: Hub, repo: string, revision: string, error: unknown): Promise<OcellusError> {
  if (!(error instanceof OcellusError)) return unexpectedAnswer(hub, repo, "a model's description", error);
  const { missing } = error.details;
  if (missing === undefined) return error;
  const wanted = missing === "revision" ? revision : repo;
  const names = await (missing === "revision" ? revisionNames(hub, repo) : repositoryNames(hub, repo)).catch(() => []);
  const named = missing === "revision" ? `${repo} has no revision ${revision}` : error.message;
  const message = `${named}${nearestHint(wanted, names)}`;
  return new OcellusError(error.code, message, {
    details: { ...error.details, wanted, nearest: nearestNames(wanted, names) },
    cause: error,
  });
}

/** What the owner has; when there is no such owner, what others have under such a name. */
async function repositoryNames(hub: Hub, repo: string): Promise<string[]> {
  const { listModels } = await import("@huggingface/hub");
  const [owner, name] = repo.split("/");
  const names: string[] = [];
  for (const search of [{ owner: owner! }, { query: name ?? owner! }]) {
    const fetch = fetchForPackage(hub, repo, undefined);
    for await (const model of listModels({ search, limit: 200, hubUrl: hub.endpoint, fetch })) names.push(model.name);
    if (names.length > 0) break;
  }
  return names;
}

/** Branches and tags; the package has no function for them. */
async function revisionNames(hub: Hub, repo: string): Promise<string[]> {
  const response = await fetchForPackage(hub, repo, undefined)(`${hub.endpoint}/api/models/${repo}/refs`);
  const { branches = [], tags = [] } = (await response.json()) as Record<string, { name: string }[]>;
  return [...branches, ...tags].slice(0, 1000).map((ref) => String(ref.name));
}
