/**
 * Is this file safe to hand to a loader that trusts it? Says for every pickle in a file what loading it would import and
 * call, and what kind of file it is, whatever its name says. Nothing is loaded, imported or called. Not here: how a report
 * is shown. What the verdicts promise: docs/inspect.md.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ioError, OcellusError, shorten } from "../../core/base/index.js";
import { RandomAccessFile } from "../../core/fs/index.js";
import { type Verdict, worst } from "./audit-names.js";
import { newAuditBudget, type PickleAudit } from "./audit-pickle.js";
import { type AuditedKind, auditSource, type Findings } from "./audit-source.js";

export interface AuditOptions {
  readonly signal?: AbortSignal;
}

export interface SafetyReport {
  readonly path: string;
  readonly kind: AuditedKind | "python";
  readonly sizeBytes: number;
  readonly verdict: Verdict;
  /** One line: why the verdict is what it is. */
  readonly reason: string;
  readonly pickles: readonly PickleAudit[];
  /** What is odd about the file itself, in sentences; any of them makes the verdict at least suspicious. */
  readonly problems: readonly string[];
}

export interface CheckpointSafety {
  /** The worst of all files. */
  readonly verdict: Verdict;
  /** By path: the weights, pickles and Python sources of a folder. */
  readonly files: readonly SafetyReport[];
}

/**
 * Audits one file of any kind. A damaged file is no error, but a suspicious one.
 * @throws `not_found`, `io`, `invalid_file` for what is no regular file, `aborted`.
 */
export async function auditFile(path: string, { signal }: AuditOptions = {}): Promise<SafetyReport> {
  const file = await RandomAccessFile.open(path);
  try {
    const findings: Findings = { pickles: [], problems: new Set(), budget: newAuditBudget(), signal };
    const kind = path.endsWith(".py") ? "python" : await auditSource(file, findings);
    return report(path, file.size, kind, findings);
  } finally {
    await file.close();
  }
}

/** Audits a file, or all of a folder and its subfolders that could hold code. @throws as `auditFile`; `too_large`. */
export async function auditCheckpoint(path: string, options: AuditOptions = {}): Promise<CheckpointSafety> {
  const files: SafetyReport[] = [];
  const paths = await candidates(path);
  for (const file of paths ?? [path])
    files.push(paths ? await auditOneOf(file, options) : await auditFile(file, options));
  return { verdict: worst(files.map(({ verdict }) => verdict)), files };
}

/** In a folder, what is no file at all (a pipe, a link to nowhere) is one of the findings. */
async function auditOneOf(path: string, options: AuditOptions): Promise<SafetyReport> {
  try {
    return await auditFile(path, options);
  } catch (error) {
    if (!(error instanceof OcellusError) || error.code === "aborted") throw error;
    const reason = shorten(error.message, 240);
    return { path, kind: "other", sizeBytes: 0, verdict: "suspicious", reason, pickles: [], problems: [reason] };
  }
}

const candidateNames = /\.(safetensors|bin|pt|pth|ckpt|pkl|pickle|joblib|dill|py)$/i;
/** Ten times the files of the largest published checkpoints. */
const maxFiles = 10_000;

/** Undefined when the path is no folder. */
async function candidates(path: string): Promise<string[] | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => !entry.isDirectory() && candidateNames.test(entry.name));
    if (files.length > maxFiles) throw new OcellusError("too_large", `${path} holds more than ${maxFiles} such files`);
    return files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
  } catch (cause) {
    if ((cause as { code?: string }).code === "ENOTDIR") return undefined;
    throw cause instanceof OcellusError ? cause : ioError("list", path, cause);
  }
}

function report(path: string, sizeBytes: number, kind: SafetyReport["kind"], findings: Findings): SafetyReport {
  const { pickles, budget } = findings;
  const isMisnamed = kind !== "safetensors" && path.endsWith(".safetensors");
  const problems = [
    ...findings.problems,
    ...(isMisnamed ? ["its name says safetensors, its bytes do not"] : []),
    ...(budget.numPickles < 0 ? ["it holds so many pickles that only the first were looked into"] : []),
    ...(kind === "python" ? ["Python source, which runs where a loader is told to trust it; here it never does"] : []),
  ];
  const verdict = worst([...pickles.map((pickle) => pickle.verdict), problems.length > 0 ? "suspicious" : "safe"]);
  return { path, kind, sizeBytes, verdict, reason: reasonOf(verdict, kind, pickles, problems), pickles, problems };
}

function reasonOf(
  verdict: Verdict,
  kind: SafetyReport["kind"],
  pickles: readonly PickleAudit[],
  problems: readonly string[],
): string {
  if (verdict === "safe") {
    if (kind === "safetensors") return "the format holds no code, and its header is whole";
    return "it imports and calls only what files of tensors need";
  }
  const names = pickles.flatMap(({ imports }) => imports.filter((each) => each.verdict === verdict));
  const call = pickles.flatMap(({ calls }) => calls).find((each) => each.verdict === verdict);
  if (verdict === "dangerous" && call) return `loading it would call ${call.callee} with ${call.arguments}`;
  if (names.length === 0) return problems[0] ?? pickles.flatMap((pickle) => pickle.problems)[0] ?? "it is not known";
  const listed = names.slice(0, 3).map(({ name }) => shorten(name, 60));
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  const what = verdict === "dangerous" ? "which can run anything" : "which files of tensors do not need";
  return `loading it would import ${listed.join(", ")}${more}, ${what}`;
}
