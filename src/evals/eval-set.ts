/**
 * Evaluation files, golden sets too: JSON lines, one picture with its questions each, in a file or in the files of a folder;
 * and the goals kept beside them in goals.json.
 *   {"image": "data:…" or a path relative to the file, "questions": [{"question", "answer", …}]}
 * Pictures that a question shows after the first are in "more", a list of the same kind.
 * A question is answered by `answer` or one of `accept` (exact), by the items of `set` in any order, by what fits `pattern`,
 * or by JSON that satisfies `schema`. What a model has proposed is there with `"reviewed": false`, and is not asked.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { fileLimits, firstOf, ioError, OcellusError, parseJson } from "../core/base/index.js";
import { type JsonLine, readJsonLines } from "../core/fs/index.js";
import { checkPattern, checkSchema } from "../core/grammar/index.js";
import { isUrl } from "../core/image/node/index.js";
import { checkAnswerTells, checkPatternTells, checkSchemaTells, checkSetTells } from "./telling.js";

/** Asked where no file is named: a sample of the bundled model's exam. The whole of it, eval/, is in the repository only. */
const bundledSample = fileURLToPath(new URL("../../eval/sample", import.meta.url));

const answerText = z.string().superRefine(fine(checkAnswerTells));

/** Fields of a question; data to learn from have them too. */
export const questionFields = {
  /** What is asked for, to count by. */
  kind: z.string().default("question"),
  scene: z.string().default(""),
  language: z.string().default(""),
  question: z.string().min(1),
  answer: answerText.optional(),
  /** Other answers that are as good. */
  accept: z.array(answerText).default([]),
  /** The items that an answer lists, all of them and no other, in any order. */
  set: z.array(z.string().min(1)).superRefine(fine(checkSetTells)).optional(),
  /** A regular expression that is found in an answer. */
  pattern: z.string().max(1000).superRefine(fine(checkPattern, checkPatternTells)).optional(),
  /** A JSON schema, as for `response_format`, that an answer satisfies. */
  schema: z.custom<object>(isObject, "expected an object").superRefine(fine(checkSchema, checkSchemaTells)).optional(), // itself, for its digits
  /** False: an answer that no one has looked at. */
  reviewed: z.boolean().default(true),
};

const questionSchema = z
  .strictObject(questionFields)
  .refine(
    ({ answer, accept, set, pattern, schema }) => (answer ?? accept[0] ?? set ?? pattern ?? schema) !== undefined,
    "expected an answer, accept, set, pattern or schema",
  );

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As a check of zod: what one of them throws is the problem. */
function fine<T>(...checks: readonly ((value: T) => void)[]) {
  return (value: T, { addIssue }: z.core.$RefinementCtx<T>) => {
    try {
      for (const check of checks) check(value);
    } catch (error) {
      addIssue({ code: "custom", message: (error as Error).message });
    }
  };
}

/** As many pictures as the largest context holds many times over; more in one question is a mistake in the file. */
const maxMore = 63;

const recordSchema = z.strictObject({
  image: z.string().min(1),
  more: z.array(z.string().min(1)).max(maxMore).optional(),
  questions: z.array(questionSchema).min(1),
  /** What the picture shows, for people and for programs that make such files; not read. */
  label: z.unknown().optional(),
});

/** One question about one picture or several, and where it stands: `file:line`. */
export interface EvalCase extends z.infer<typeof questionSchema> {
  readonly image: string;
  /** The pictures after the first. */
  readonly more?: readonly string[];
  readonly origin: string;
}

/** In the order in which they are shown. */
export function imagesOf({ image, more = [] }: Pick<EvalCase, "image" | "more">): string[] {
  return [image, ...more];
}

/** A million questions take hours here; more in one run is a mistake in the file. */
const maxCases = 1_000_000;
/** The largest picture that is decoded has 64 MiB, in base64 a third more. */
const maxLineBytes = 96 * 2 ** 20;

/** @throws `not_found` or `io`, `invalid_file` naming the lines, `too_large`. */
export async function readEvalFiles(files: readonly string[]): Promise<EvalCase[]> {
  const cases: EvalCase[] = [];
  const problems: string[] = [];
  for await (const line of readEvalLines(files)) {
    cases.push(...line.found);
    problems.push(...line.problems);
    if (problems.length > mostProblems) break;
  }
  refuseProblems(problems);
  return cases;
}

/** A file of another kind has one in each line. */
export const mostProblems = 100;

/** @throws `invalid_file` with the first of them; `details.problems` has more. */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new OcellusError("invalid_file", firstOf(problems, 10), {
    details: { problems: problems.slice(0, mostProblems) },
  });
}

interface EvalLine {
  readonly found: readonly EvalCase[];
  /** Each begins with the place; when there are any, nothing is found. */
  readonly problems: readonly string[];
}

/** Line by line, going on after what is wrong. @throws `not_found`, `io`, `too_large`. */
export async function* readEvalLines(files: readonly string[]): AsyncGenerator<EvalLine> {
  let numCases = 0;
  for (const path of await pathsOf(files)) {
    for await (const read of readJsonLines(path, recordSchema, maxLineBytes)) {
      const line = casesOf(read, path);
      numCases += line.found.length;
      if (numCases > maxCases) throw new OcellusError("too_large", `${path}: more than ${maxCases} questions in all`);
      yield line;
    }
  }
}

/** Folders stand for the .jsonl files in them; no files for the sample of the package. */
async function pathsOf(files: readonly string[]): Promise<string[]> {
  const paths = files.length > 0 ? files : [bundledSample];
  return (await Promise.all(paths.map(filesIn))).flat();
}

async function filesIn(path: string): Promise<string[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw ioError("read the evaluation file", path, cause);
  });
  if (!status.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(".jsonl")).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new OcellusError(
    "not_found",
    `${path} holds no .jsonl files; name files of questions, or make some: ocellus golden init`,
  );
}

function casesOf({ record, problems, origin }: JsonLine<z.infer<typeof recordSchema>>, path: string): EvalLine {
  if (!record) return { found: [], problems };
  const { image, more, questions } = record;
  const placed = (picture: string) => (isUrl(picture) ? picture : resolve(dirname(path), picture));
  const images = { image: placed(image), ...(more && { more: more.map(placed) }) };
  return { found: questions.map((question) => ({ ...question, ...images, origin })), problems };
}

/** How the answers of a case are told right from wrong. */
export const matchKinds = ["exact", "set", "pattern", "schema"] as const;
export type MatchKind = (typeof matchKinds)[number];

/** By the widest of its means. */
export function matchKindOf({ set, pattern, schema }: Pick<EvalCase, "set" | "pattern" | "schema">): MatchKind {
  if (schema) return "schema";
  if (pattern !== undefined) return "pattern";
  return set ? "set" : "exact";
}

/** For people: what an answer was expected to be. */
export function expectedText({ answer, accept, set, pattern, schema }: EvalCase): string {
  const one = answer ?? accept[0] ?? set?.join(", ") ?? pattern;
  return one ?? `JSON by ${JSON.stringify(schema)}`;
}

/** The answers that somebody stands for. */
export function reviewedCases(cases: readonly EvalCase[]): { cases: EvalCase[]; numUnreviewed: number } {
  const reviewed = cases.filter((found) => found.reviewed);
  return { cases: reviewed, numUnreviewed: cases.length - reviewed.length };
}

/** One note for people; none when all are reviewed. */
export function unreviewedNotes(numUnreviewed: number): string[] {
  if (numUnreviewed === 0) return [];
  return [`${numUnreviewed} questions are not asked: nobody has reviewed their answers ("reviewed": false)`];
}

/** The first `limit` reviewed ones of each kind, scene and language, of the wanted kinds. */
export function chooseCases(cases: readonly EvalCase[], kinds?: readonly string[], limit = Number.POSITIVE_INFINITY) {
  const taken = new Map<string, number>();
  return cases.filter((found) => {
    if (!found.reviewed) return false;
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

/** goals.json beside the first file, or in the first folder; none when there is no such file. */
export async function readGoals(files: readonly string[]): Promise<Goals> {
  const first = files[0] ?? bundledSample;
  const isFolder = (await stat(first).catch(() => undefined))?.isDirectory();
  const path = join(isFolder ? first : dirname(first), "goals.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return withoutPrototype({});
  const goals = z.record(z.string(), z.number().min(0).max(100)).safeParse(parseGoals(text, path));
  if (goals.success) return withoutPrototype(goals.data);
  throw new OcellusError(
    "invalid_file",
    `${path}: expected {"kind/scene": per cent}, ${goals.error.issues[0]!.message}`,
  );
}

/** A kind may be called `constructor`. */
function withoutPrototype(goals: Goals): Goals {
  return Object.assign(Object.create(null), goals);
}

function parseGoals(text: string, path: string): unknown {
  try {
    return parseJson(text, fileLimits);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${path}: expected JSON: ${(cause as Error).message}`, { cause });
  }
}
