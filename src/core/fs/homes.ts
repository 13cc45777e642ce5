/**
 * Where Ocellus keeps what is not given a folder: caches, which can be made again, and data (the registry, collections),
 * which cannot. The places are those of the XDG base directories and of each system's own customs.
 * [https://specifications.freedesktop.org/basedir-spec/latest/]
 */
import { accessSync, constants, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, statSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import { ioError, OcellusError } from "../base/index.js";

let note = (text: string): void => process.emitWarning(text, { code: "OCELLUS_HOME" });
const said = new Set<string>();

/** What prints notes about these places. Default: warnings of Node. */
export function onHomeNote(listener: (text: string) => void): void {
  note = listener;
}

/** A note about where something is kept, once a process. */
export function sayOnce(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  note(text);
}

/** For caches: OCELLUS_CACHE, else the system's place, else (said once) a temporary folder of this user's own. */
export function cacheRoot(): string {
  const { OCELLUS_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (OCELLUS_CACHE) return resolve(OCELLUS_CACHE);
  const usual =
    process.platform === "win32" && LOCALAPPDATA
      ? join(LOCALAPPDATA, "ocellus")
      : inHome(XDG_CACHE_HOME, ".cache", "ocellus");
  return usual !== undefined && canWrite(usual) ? usual : temporaryCache(usual);
}

/** What to try where a folder that was not named cannot be written, or is full. */
export function homeHint(path: string): string | undefined {
  if (path.startsWith(cacheRoot() + sep)) return "OCELLUS_CACHE can name another folder for caches";
  const data = process.env.OCELLUS_DATA || usualData();
  return data && path.startsWith(resolve(data) + sep) ? "OCELLUS_DATA can name another folder for data" : undefined;
}

/** For data: OCELLUS_DATA, else the system's place. @throws `unavailable` without a home. */
export function dataRoot(): string {
  const folder = process.env.OCELLUS_DATA || usualData();
  if (folder !== undefined) return resolve(folder);
  throw new OcellusError(
    "unavailable",
    "there is no home folder to keep data in: set OCELLUS_DATA to a folder that lasts, or name one in the command",
  );
}

function usualData(): string | undefined {
  const { XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32" && LOCALAPPDATA) return join(LOCALAPPDATA, "ocellus", "data");
  const own = process.platform === "darwin" ? ["Library", "Application Support"] : [".local", "share"];
  return inHome(XDG_DATA_HOME, join(...own), "ocellus");
}

/**
 * A folder of data by its name. Earlier versions kept data among the caches: what they left is used where it lies, since
 * another process may have it open.
 */
export function dataFolder(name: string): string {
  const folder = join(dataRoot(), name);
  const old = join(cacheRoot(), name);
  if (folder === old || !hasEntries(old)) return folder;
  if (hasEntries(folder)) {
    sayOnce(`${folder} is used; an earlier version left ${old}, which is not`);
    return folder;
  }
  sayOnce(
    `${old} is used, where an earlier version put it among the caches; to move it to ${folder}, end what uses it`,
  );
  return old;
}

/** A part of the home, or the folder that XDG's variable names; the specification has relative ones ignored. */
function inHome(variable: string | undefined, usual: string, name: string): string | undefined {
  if (variable && isAbsolute(variable)) return join(variable, name);
  const home = homeFolder();
  return home === undefined ? undefined : join(home, usual, name);
}

/** A container's user may have none: neither HOME nor a line in /etc/passwd. */
export function homeFolder(): string | undefined {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}

function hasEntries(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

function canWrite(folder: string): boolean {
  return whyNotWritten(folder) === undefined && statSync(existing(folder)).isDirectory();
}

/** Why a folder cannot be written, or made there, as the system says it. */
export function whyNotWritten(folder: string): unknown {
  try {
    accessSync(existing(folder), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

/** Why a folder could not be made: Node's own recursive `mkdir` calls one on a read-only or a full disk missing. */
export function whyNotMade(folder: string): unknown {
  const isThere = dirname(folder) === folder || existsSync(dirname(folder));
  if (!isThere) return whyNotMade(dirname(folder));
  try {
    mkdirSync(folder);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

/** The folder, or the nearest one above that is there. */
function existing(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

let temporary: string | undefined;

function temporaryCache(usual: string | undefined): string {
  temporary ??= ownTemporary();
  const why = usual === undefined ? "there is no home folder" : `${usual} cannot be written`;
  sayOnce(
    `${why}: caches are kept in ${temporary} until the system clears it; set OCELLUS_CACHE to a folder that lasts`,
  );
  return temporary;
}

/** The same for all processes of a user, and no one else's: what is in it is run. @throws `io` where there is none */
function ownTemporary(): string {
  const uid = process.getuid?.();
  const folder = join(tmpdir(), uid === undefined ? "ocellus" : `ocellus-${uid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return isOwn(folder, uid) ? folder : mkdtempSync(`${folder}-`);
  } catch (cause) {
    throw ioError("make a folder for caches:", folder, cause, "set OCELLUS_CACHE to a folder that can be written");
  }
}

/** A link would be followed to where somebody else decides. */
function isOwn(folder: string, uid: number | undefined): boolean {
  const { mode, uid: owner } = lstatSync(folder);
  return lstatSync(folder).isDirectory() && (uid === undefined || (owner === uid && (mode & 0o077) === 0));
}
