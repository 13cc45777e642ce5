/**
 * Evaluation files: JSON lines, one picture with its questions each; and the goals kept beside them in goals.json.
 *   {"image": "data:…" or a path relative to the file, "questions": [{"kind", "scene", "language", "question", "answer", "accept"?, "pattern"?, "schema"?}]}
 */
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { ioError, OcellusError } from "../base/index.js";
import { evaluationFolder } from "./package-files.js";
import { isUrl } from "./pictures.js";

const questionSchema = z.object({
  kind: z.string(),
  scene: z.string().default(""),
  language: z.string(),
  question: z.string(),
  answer: z.string(),
  accept: z.array(z.string()).default([]),
  /** A regular expression that an answer may fit instead. */
  pattern: z.string().max(1000).refine(isPattern, "expected a regular expression").optional(),
  /** A JSON schema that an answer may fit instead. */
  schema: z.record(z.string(), z.unknown()).optional(),
});

function isPattern(text: string): boolean {
  try {
    return Boolean(new RegExp(text, "u"));
  } catch {
    return false;
  }
}

const recordSchema = z.object({ image: z.string(), questions: z.array(questionSchema) });

/** One question about one picture, and where it stands: `file:line`. */
export interface EvalCase extends z.infer<typeof questionSchema> {
  readonly image: string;
  readonly origin: string;
}

/** A million questions take hours here; more in one run is a mistake in the file. */
const maxCases = 1_000_000;

/** @throws `not_found` or `io`, `invalid_file` naming the line, `too_large`. */
export async function readEvalFiles(files: readonly string[]): Promise<EvalCase[]> {
  const paths = files.length > 0 ? files : await evaluationFiles();
  const cases: EvalCase[] = [];
  for (const path of paths) {
    for await (const found of readEvalFile(path)) cases.push(found);
    if (cases.length > maxCases) throw new OcellusError("too_large", `${path}: more than ${maxCases} questions in all`);
  }
  return cases;
}

async function evaluationFiles(): Promise<string[]> {
  const names = await readdir(evaluationFolder).catch(() => []);
  const files = names.filter((name) => name.endsWith(".jsonl")).sort();
  if (files.length > 0) return files.map((name) => join(evaluationFolder, name));
  throw new OcellusError(
    "not_found",
    `${evaluationFolder} holds no .jsonl files; name the evaluation files to run: ocellus eval my-questions.jsonl`,
  );
}

async function* readEvalFile(path: string): AsyncGenerator<EvalCase> {
  const stream = createReadStream(path);
  const opened = new Promise<void>((done, fail) => stream.once("open", () => done()).once("error", fail));
  await opened.catch((cause: unknown) => Promise.reject(ioError("read the evaluation file", path, cause)));
  let lineNumber = 0;
  for await (const line of createInterface({ input: stream })) {
    lineNumber++;
    if (line.trim() !== "") yield* parseLine(line, path, lineNumber);
  }
}

function parseLine(line: string, path: string, lineNumber: number): EvalCase[] {
  const origin = `${path}:${lineNumber}`;
  const record = recordSchema.safeParse(parseJson(line, origin));
  if (!record.success) {
    const issue = record.error.issues[0]!;
    throw new OcellusError("invalid_file", `${origin}: ${issue.path.join(".")}: ${issue.message}`);
  }
  const { image, questions } = record.data;
  const picture = isUrl(image) ? image : resolve(dirname(path), image);
  return questions.map((question) => ({ ...question, image: picture, origin }));
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${origin}: expected JSON, ${(cause as Error).message}`, { cause });
  }
}

/** The first `limit` of each kind, scene and language, of the wanted kinds. */
export function chooseCases(cases: readonly EvalCase[], kinds?: readonly string[], limit = Number.POSITIVE_INFINITY) {
  const taken = new Map<string, number>();
  return cases.filter((found) => {
    if (kinds && !kinds.includes(found.kind) && !kinds.includes(groupName(found))) return false;
    const key = `${groupName(found)} ${found.language}`;
    const count = taken.get(key) ?? 0;
    taken.set(key, count + 1);
    return count < limit;
  });
}

/** `class/one`: what goals are set for. */
export function groupName({ kind, scene }: { kind: string; scene: string }): string {
  return scene === "" ? kind : `${kind}/${scene}`;
}

/** Least accuracy in per cent, by group: "class/one", or "class" for all scenes of a kind together. */
export type Goals = Readonly<Record<string, number>>;

/** goals.json beside the first file; none when there is no such file. */
export async function readGoals(files: readonly string[]): Promise<Goals> {
  const path = join(files[0] === undefined ? evaluationFolder : dirname(files[0]), "goals.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return {};
  const goals = z.record(z.string(), z.number().min(0).max(100)).safeParse(parseJson(text, path));
  if (goals.success) return goals.data;
  throw new OcellusError(
    "invalid_file",
    `${path}: expected {"kind/scene": per cent}, ${goals.error.issues[0]!.message}`,
  );
}
