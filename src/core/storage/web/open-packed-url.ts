/**
 * `openPackedUrl`: a packed model at an address → its files in the browser's storage. The first time they are downloaded, after a
 * closed tab the rest of them, and once all are there nothing but packed.json is asked for; without a network, what is stored
 * is used. Tabs that open the same model wait for the one that downloads it.
 */
import {
  aborted,
  fileLimits,
  formatBytes,
  JsonProblem,
  OcellusError,
  optionNames,
  parseJson,
  readBounded,
  refuseUnknownOptions,
} from "../../base/index.js";
import { isBrokenOff, silenceMs, whileHeard, withAttempts } from "./attempts.js";
import { Downloader, request } from "./download.js";
import { browserEnvironment, type Environment } from "./environment.js";
import { type FileList, parseFileList, partEntry, partsOf, sha256 } from "./file-list.js";
import { keptRecords, readRecords, removeUnused, writeRecord } from "./model-records.js";
import { manifestName, type PackedSource, type StoredModel, storedSource } from "./packed-source.js";
import { chunksOf } from "./piece-reader.js";

export interface DownloadProgress {
  /** Of the model's bytes, those that are stored. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Another tab downloads this model, and this one waits for it. */
  readonly isWaiting: boolean;
}

export interface OpenPackedOptions {
  /** SHA-256 of packed.json: nothing else is opened, and once it is stored no request is made. */
  readonly sha256?: string | undefined;
  /** Sent with every request, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

const names = optionNames<OpenPackedOptions>({ sha256: true, headers: true, signal: true, onProgress: true });

/** As many parts as a model may have, and some more. */
const maxManifestBytes = 8 * 2 ** 20;
/** A stored model is used when its server is silent for so long. */
const storedWaitMs = 10_000;
/** Of a whole disk, what is left free beside the model: records, and what the browser itself adds to a file. */
const spareBytes = 2 ** 20;

/** Held shared by every page that opens or reads a model, so that what is in use is never removed. */
const useLock = "ocellus models";

/**
 * @param url the folder that `ocellus pack --for web` wrote, on any static server
 * @throws `not_found`, `invalid_file`, `unsupported`, `too_large` (no room for it), `unauthorized`, `io`, `aborted`
 */
export async function openPackedUrl(
  url: string,
  options: OpenPackedOptions = {},
  environment?: Environment,
): Promise<PackedSource> {
  refuseUnknownOptions("openPackedUrl", options, names);
  const browser = environment ?? (await browserEnvironment());
  const baseUrl = folderUrl(url, browser.pageUrl);
  await removeWhatIsUnused(browser);
  const release = await browser.locks.take(useLock, "shared", options.signal);
  try {
    const model = await underLock(baseUrl, options, browser, () => storeModel(baseUrl, options, browser));
    return storedSource(model, browser.store, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Models that the browser has stored. */
export async function storedModels(): Promise<{ url: string; sizeBytes: number; isWhole: boolean }[]> {
  const { store } = await browserEnvironment();
  return keptRecords(await readRecords(store)).map(({ url, files, isWhole }) => ({
    url,
    sizeBytes: files.list.reduce((sum, { bytes }) => sum + bytes, 0),
    isWhole,
  }));
}

/** Removes a model from the browser's storage. False: a page of the site has a model open. */
export async function removeStoredModel(url: string): Promise<boolean> {
  const browser = await browserEnvironment();
  const baseUrl = folderUrl(url, browser.pageUrl);
  return removeWhatIsUnused(browser, (record) => record.url !== baseUrl);
}

async function removeWhatIsUnused(
  { locks, store }: Environment,
  isWanted: (record: StoredModel) => boolean = () => true,
): Promise<boolean> {
  const release = await locks.tryTake(useLock, "exclusive");
  if (!release) return false;
  try {
    await removeUnused(store, keptRecords(await readRecords(store)).filter(isWanted));
    return true;
  } finally {
    release();
  }
}

async function underLock<T>(
  baseUrl: string,
  options: OpenPackedOptions,
  { locks }: Environment,
  work: () => Promise<T>,
): Promise<T> {
  const name = `ocellus download ${baseUrl}`;
  let release = await locks.tryTake(name, "exclusive");
  if (!release) {
    options.onProgress?.({ doneBytes: 0, totalBytes: 0, isWaiting: true });
    release = await locks.take(name, "exclusive", options.signal);
  }
  try {
    return await work();
  } finally {
    release();
  }
}

/** Downloads what is not stored yet. */
async function storeModel(baseUrl: string, options: OpenPackedOptions, browser: Environment): Promise<StoredModel> {
  const records = (await readRecords(browser.store)).filter(({ url }) => url === baseUrl);
  const pinned = records.find(({ digest, isWhole }) => isWhole && digest === options.sha256);
  const model =
    pinned ??
    (await readManifest(
      baseUrl,
      records.find(({ isWhole }) => isWhole),
      options,
      browser,
    ));
  const record = { url: baseUrl, manifest: model.manifest, storedAt: Date.now() };
  const missing = await missingParts(model.files, browser);
  if (missing.size > 0) {
    await expectRoom(missing, browser);
    await writeRecord(browser.store, model.digest, { ...record, isWhole: false });
    await download(model, missing, options, browser);
  }
  const [newest] = records;
  if (missing.size > 0 || !newest?.isWhole || newest.digest !== model.digest)
    await writeRecord(browser.store, model.digest, { ...record, isWhole: true });
  return model;
}

type Sizes = ReadonlyMap<string, number>;
const sum = (sizes: Sizes) => [...sizes.values()].reduce((total, bytes) => total + bytes, 0);

/** Bytes by digest: equal parts are stored once. */
function partSizes(files: FileList): Sizes {
  return new Map(
    files.list.flatMap((file) => partsOf(file, files)).map(({ digest, sizeBytes }) => [digest, sizeBytes]),
  );
}

async function missingParts(files: FileList, { store }: Environment): Promise<Sizes> {
  const missing = new Map<string, number>();
  for (const [digest, sizeBytes] of partSizes(files))
    if ((await store.sizeOf(partEntry(digest))) !== sizeBytes) missing.set(digest, sizeBytes);
  return missing;
}

/** Before anything is downloaded. */
async function expectRoom(missing: Sizes, { roomBytes, store }: Environment): Promise<void> {
  const neededBytes = sum(missing) + spareBytes;
  const foundBytes = store.kind === "memory" ? undefined : await roomBytes();
  if (foundBytes === undefined || neededBytes <= foundBytes) return;
  throw new OcellusError(
    "too_large",
    `the model needs ${formatBytes(neededBytes)} more of the browser's storage, this site may use ${formatBytes(foundBytes)}; remove stored models, free space on the disk, or leave the private window`,
    { details: { neededBytes, foundBytes } },
  );
}

async function download(
  model: StoredModel,
  missing: Sizes,
  options: OpenPackedOptions,
  browser: Environment,
): Promise<void> {
  const totalBytes = sum(partSizes(model.files));
  let doneBytes = totalBytes - sum(missing);
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    options.onProgress?.({ doneBytes, totalBytes, isWaiting: false });
  };
  onBytes(0);
  browser.persist();
  const { signal, headers = {} } = options;
  await new Downloader(model.files, missing.keys(), browser, { baseUrl: model.url, headers, signal, onBytes }).run();
}

/** From the server; what is stored, where the server cannot be reached. */
async function readManifest(
  baseUrl: string,
  stored: StoredModel | undefined,
  options: OpenPackedOptions,
  browser: Environment,
): Promise<StoredModel> {
  const { signal, sha256: expected } = options;
  try {
    // No second attempt where something is stored: a page without a network opens at once.
    if (stored && expected === undefined) return await askManifest(baseUrl, storedWaitMs, options, browser);
    return await withAttempts(browser, signal, () => askManifest(baseUrl, silenceMs, options, browser));
  } catch (error) {
    if (signal?.aborted) throw aborted(signal);
    if (isBrokenOff(error) && stored && expected === undefined) return stored;
    throw error;
  }
}

async function askManifest(
  baseUrl: string,
  waitMs: number,
  { headers = {}, signal: stop, sha256: expected }: OpenPackedOptions,
  browser: Environment,
): Promise<StoredModel> {
  const url = baseUrl + manifestName;
  const bytes = await whileHeard({ name: manifestName, signal: stop, waitMs }, async ({ signal, heard }) => {
    const { body } = await request(browser, url, { headers, cache: "no-cache", signal });
    const bound = { what: url, maxBytes: maxManifestBytes, onBytes: heard };
    return readBounded(chunksOf(body), bound).catch(brokenOff);
  });
  const digest = await sha256(bytes);
  if (expected !== undefined && digest !== expected) throw otherManifest(url, expected, digest);
  const manifest = new TextDecoder().decode(bytes);
  return { url: baseUrl, digest, manifest, files: parseFileList(parsed(manifest, url), url) };
}

function brokenOff(cause: Error): never {
  if (cause instanceof OcellusError) throw cause;
  throw new OcellusError("io", `${manifestName}: the connection broke off: ${cause.message}`, { cause });
}

function parsed(text: string, url: string): unknown {
  try {
    return parseJson(text, fileLimits);
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    throw new OcellusError("invalid_file", `${url} is not JSON: ${cause.message}`, { details: { url }, cause });
  }
}

function otherManifest(url: string, expected: string, found: string): OcellusError {
  return new OcellusError("invalid_file", `${url}: expected SHA-256 ${expected}, found ${found}`, {
    details: { url, expected, found },
  });
}

function folderUrl(url: string, pageUrl: string | undefined): string {
  const found = URL.canParse(url, pageUrl) ? new URL(url, pageUrl) : undefined;
  if (!found || !/^https?:$/.test(found.protocol) || found.search !== "" || found.hash !== "")
    throw new OcellusError(
      "invalid_request",
      `${url}: expected the http or https address of a folder, without ? and #`,
      {
        details: { param: "url", found: url },
      },
    );
  return found.href.endsWith("/") ? found.href : `${found.href}/`;
}
