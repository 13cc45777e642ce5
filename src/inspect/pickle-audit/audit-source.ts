/**
 * Finding all pickles in a file of any kind and auditing each: a PyTorch zip has one or more, a legacy PyTorch file five in
 * a row, and any pickle may carry others as bytes. What a file is, its first bytes say, as they do to PyTorch.
 * [torch/serialization.py]
 */
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { OcellusError, printable, shorten } from "../../core/base/index.js";
import {
  describeForeignFile,
  entryData,
  isPickle,
  isSafetensors,
  isZip,
  listZip,
  readSafetensorsHeader,
  type ZipEntry,
} from "../../core/checkpoint/index.js";
import { type ByteSource, partOf } from "../../core/fs/index.js";
import { type AuditBudget, auditPickle, type PickleAudit } from "./audit-pickle.js";

export type AuditedKind = "safetensors" | "torch_zip" | "torch_legacy" | "pickle" | "other";

/** What is found in one file, the pickles within its pickles included, and what may still be spent on it. */
export interface Findings {
  readonly pickles: PickleAudit[];
  /** What is odd about the file itself, in sentences. */
  readonly problems: Set<string>;
  readonly budget: AuditBudget;
  readonly signal: AbortSignal | undefined;
}

/** What the first pickle of a legacy file leaves. [torch.serialization.MAGIC_NUMBER] */
const legacyMagic = "0x1950a86a20f9469cfc6c";
/** Magic, version, system, object and storage keys; raw storages follow. */
const numLegacyPickles = 5;

/** Looks into a file, or into bytes of a pickle, which then are called `where`. @throws `io`, `aborted`. */
export async function auditSource(source: ByteSource, findings: Findings, where = ""): Promise<AuditedKind> {
  const start = await source.read(0, Math.min(source.size, 16));
  if (isSafetensors(start)) return auditSafetensors(source, findings);
  return isZip(start) ? auditZip(source, findings, where) : auditPickles(source, findings, where);
}

async function auditSafetensors(source: ByteSource, findings: Findings): Promise<AuditedKind> {
  await noting(findings, () => readSafetensorsHeader(source));
  return "safetensors";
}

// --------------------------------------------------------------------------------------------------- pickles in a row

async function auditPickles(source: ByteSource, findings: Findings, where: string): Promise<AuditedKind> {
  let kind: AuditedKind = "pickle";
  for (let [at, n] = [0, 1]; at < source.size || n === 1; n++) {
    if (!mayLook(findings)) return kind;
    const name = [where, n > 1 || !where ? `pickle ${n}` : ""].filter(Boolean).join(", ");
    const { audit, end, value, nested } = await auditPickle(source, name, { ...findings, start: at });
    const isOne = end !== undefined || audit.imports.length > 0 || audit.calls.length > 0;
    if (!isOne && n === 1) return noPickle(source, findings, audit);
    if (!isOne) findings.problems.add(`${source.size - at} bytes behind its last pickle are something else`);
    else findings.pickles.push(audit);
    for (const { offset, length } of nested) await auditNested(source, findings, offset, length, name);
    if (end === undefined) return kind;
    if (n === 1 && value === legacyMagic) kind = "torch_legacy";
    if (kind === "torch_legacy" && n === numLegacyPickles) return kind;
    at = end;
  }
  return kind;
}

/** Told from its start, or by what a reader of pickles says of it. */
async function noPickle(source: ByteSource, findings: Findings, { problems }: PickleAudit): Promise<AuditedKind> {
  const start = await source.read(0, Math.min(source.size, 512));
  const foreign = isPickle(start) ? undefined : describeForeignFile(start);
  findings.problems.add(foreign ? `it is ${foreign}` : `it is no format known here; as a pickle, ${problems[0]}`);
  return "other";
}

async function auditNested(
  source: ByteSource,
  findings: Findings,
  offset: number,
  length: number,
  within: string,
): Promise<void> {
  if (offset + length > source.size) return;
  const name = `${within}, bytes at ${offset}`;
  // Bytes that only look like a pickle are no problem of the file.
  const own = { ...findings, problems: new Set<string>() };
  await noting(own, () => auditSource(partOf(source, offset, length), own, name));
}

// ---------------------------------------------------------------------------------------------------------------- zip

const pickleNames = /\.(pkl|pickle|p|pt|pth|bin|ckpt|joblib|dill)$/i;
/** What PyTorch puts beside its pickle: storages, tensors of TorchScript, its sources, short notes, folders. */
const plainNames = /(^|\/)((data|tensors|constants)\/\d+|version|byteorder|\.format_version|\.storage_alignment)$|\/$/;
const isSource = (name: string) => isCode(name) || name.split("/").at(-2) === ".data";
const isCode = (name: string) => name.split("/").slice(0, -1).includes("code");

async function auditZip(source: ByteSource, findings: Findings, where: string): Promise<AuditedKind> {
  const directory = await noting(findings, () => listZip(source));
  if (!directory) return "torch_zip";
  for (const { text } of directory.problems.slice(0, 8)) findings.problems.add(text);
  if (directory.entries.some(({ name }) => isCode(name) && name.endsWith(".py")))
    findings.problems.add("it is a TorchScript archive: its code runs when the model is called");
  const before = findings.pickles.length;
  for (const entry of directory.entries) {
    const isCalledPickle = pickleNames.test(entry.name);
    if (!isCalledPickle && (plainNames.test(entry.name) || isSource(entry.name))) continue;
    if (!mayLook(findings)) break;
    await auditEntry(source, entry, findings, [where, entry.name].filter(Boolean).join(", "), isCalledPickle);
  }
  if (findings.pickles.length === before) findings.problems.add("it is a zip file without a pickle");
  return "torch_zip";
}

/** An entry that is not called a pickle may be one all the same, or anything else. */
async function auditEntry(
  source: ByteSource,
  entry: ZipEntry,
  findings: Findings,
  where: string,
  isCalledPickle: boolean,
): Promise<void> {
  const own = isCalledPickle ? findings : { ...findings, problems: new Set<string>() };
  await noting(own, async () => {
    const contents = await entrySource(source, entry, own);
    if (contents) await auditSource(contents, own, where);
  });
}

async function entrySource(source: ByteSource, entry: ZipEntry, findings: Findings): Promise<ByteSource | undefined> {
  const { offset, problems } = await entryData(source, entry);
  for (const { text } of problems) findings.problems.add(text);
  if (entry.method === 0) return partOf(source, offset, entry.storedBytes);
  const { budget } = findings;
  const canInflate = entry.method === 8 && entry.storedBytes <= budget.inflatedBytes;
  const bytes = canInflate
    ? await inflate(await source.read(offset, entry.storedBytes), budget.inflatedBytes)
    : undefined;
  budget.inflatedBytes -= bytes?.length ?? budget.inflatedBytes;
  if (bytes) return sourceOf(bytes, source.path);
  const name = shorten(entry.name);
  findings.problems.add(`${name} was not looked into: compressed by method ${entry.method}, damaged or too large`);
  return undefined;
}

async function inflate(bytes: Uint8Array, maxOutputLength: number): Promise<Uint8Array | undefined> {
  try {
    return await promisify(inflateRaw)(bytes, { maxOutputLength });
  } catch {
    return undefined; // damaged, or larger
  }
}

function sourceOf(bytes: Uint8Array, path: string): ByteSource {
  return { path, size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

// ------------------------------------------------------------------------------------------------------------- shared

/** The budget goes below 0 when there was more to look into. */
function mayLook({ budget }: Findings): boolean {
  return budget.numPickles-- > 0;
}

/** Damage found on the way is a problem of the file, not of the audit. */
async function noting<T>(findings: Findings, task: () => Promise<T>): Promise<T | undefined> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof OcellusError) || error.code === "io" || error.code === "aborted") throw error;
    findings.problems.add(printable(shorten(error.message, 240)));
    return undefined;
  }
}
