/**
 * The result of a golden run, a file of JSON lines: first what was asked of whom, then an answer a line as they come. So it is
 * its own record of what is done: an interrupted run continues with the same command.
 */
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import { readLines } from "../core/fs/index.js";
import { matchKinds } from "./eval-set.js";
import type { GoldenSet } from "./golden-set.js";
import { JsonLinesFile } from "./json-lines-file.js";

const versionSchema = z.object({
  /** A version's tag, the folder's name, or what a server calls it. */
  name: z.string(),
  /** Of a version: its manifest's; of a folder: that of the checkpoint behind it. */
  digest: z.string().optional(),
  weights: z.string().optional(),
  /** The server that was asked. */
  url: z.string().optional(),
});
export type GoldenVersion = z.infer<typeof versionSchema>;

const headerSchema = z.object({
  golden: z.literal(1),
  set: z.object({ path: z.string(), digest: z.string(), questions: z.number().int().min(1) }),
  version: versionSchema,
  at: z.iso.datetime(),
});
export type GoldenHeader = z.infer<typeof headerSchema>;

const answerSchema = z.object({
  id: z.string(),
  /** Of the question in its set; answers come in any order. */
  index: z.number().int().min(0),
  /** file:line */
  origin: z.string(),
  kind: z.string(),
  scene: z.string(),
  language: z.string(),
  match: z.enum(matchKinds),
  question: z.string(),
  expected: z.string(),
  text: z.string(),
  correct: z.boolean(),
  /** Which version of an alias it was, where a server says so. */
  version: z.string().optional(),
  /** Why there was no answer; it counts as a wrong one. */
  failure: z.string().optional(),
});
export type GoldenAnswer = z.infer<typeof answerSchema>;

export interface GoldenResult extends GoldenHeader {
  readonly path: string;
  readonly answers: readonly GoldenAnswer[];
}

/** What was expected is in it, so as much as a line of the set. */
const maxLineBytes = 96 * 2 ** 20;

export function goldenHeader({ path, digest, questions }: GoldenSet, version: GoldenVersion): GoldenHeader {
  const set = { path, digest, questions: questions.length };
  return { golden: 1, set, version, at: new Date().toISOString() };
}

/** @throws `not_found`, `io`, `invalid_file` naming the line. */
export async function readGoldenResult(path: string): Promise<GoldenResult> {
  const reader = new ResultReader();
  for await (const { text, number, isWhole } of readLines(path, maxLineBytes))
    if (isWhole) reader.take(text, `${path}:${number}`);
  const { header, answers } = reader;
  if (header) return { ...header, path, answers: [...answers.values()].sort((a, b) => a.index - b.index) };
  throw new OcellusError("invalid_file", `${path}: expected the result of \`ocellus golden run\`, found no line of it`);
}

export interface OpenResult {
  readonly lines: JsonLinesFile;
  /** Those that were there, by the ids of their questions. */
  readonly answers: ReadonlyMap<string, GoldenAnswer>;
}

/** Begins a result, or continues with it. @throws `invalid_request` when it is another run's; `invalid_file`, `io`. */
export async function openGoldenResult(path: string, header: GoldenHeader): Promise<OpenResult> {
  const reader = new ResultReader();
  const onLine = (text: string, origin: string) => {
    reader.take(text, origin);
    if (reader.header) checkSameRun(reader.header, header, path);
  };
  const lines = await JsonLinesFile.open(path, { maxLineBytes, onLine });
  if (!reader.header) await lines.append(header);
  return { lines, answers: reader.answers };
}

function checkSameRun(found: GoldenHeader, wanted: GoldenHeader, path: string): void {
  const other = (what: string) =>
    new OcellusError("invalid_request", `${path} holds the answers of ${what}; choose another --out, or remove it`);
  const { digest, path: set } = found.set;
  if (digest !== wanted.set.digest) throw other(`another golden set (${set}, ${digest.slice(0, 12)})`);
  if (JSON.stringify(found.version) !== JSON.stringify(wanted.version)) throw other(versionText(found.version));
}

/** `tiny-v1.0.0 (int4)`, `prod at http://127.0.0.1:8080`. */
export function versionText({ name, weights, url, digest }: GoldenVersion): string {
  if (url !== undefined) return `${name} at ${url}`;
  const details = [weights, digest?.replace("sha256:", "").slice(0, 12)].filter((detail) => detail !== undefined);
  return `${name} (${details.join(", ")})`;
}

class ResultReader {
  header: GoldenHeader | undefined;
  readonly answers = new Map<string, GoldenAnswer>();

  take(text: string, origin: string): void {
    const read = (schema: z.ZodType<unknown>) => {
      try {
        return schema.parse(JSON.parse(text));
      } catch (cause) {
        throw new OcellusError("invalid_file", `${origin} is no line of a golden run's result`, { cause });
      }
    };
    if (!this.header) {
      this.header = read(headerSchema) as GoldenHeader;
      return;
    }
    const answer = read(answerSchema) as GoldenAnswer;
    this.answers.set(answer.id, answer);
  }
}
