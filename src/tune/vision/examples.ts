/**
 * Questions with known answers to learn from, as JSON lines: a picture with its questions, in the format of golden sets
 * (docs/golden.md), or questions without a picture. What is held out is drawn by picture: a question about a picture that was
 * learnt from would say nothing of pictures that were not.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import {
  fieldExpectation,
  fieldProblems,
  fileLimits,
  firstOf,
  ioError,
  OcellusError,
  parseJson,
} from "../../core/base/index.js";
import { fileDigest, readLines, textDigest } from "../../core/fs/index.js";
import { isUrl } from "../../core/image/node/index.js";

/** One question, what is shown with it, and the answer to learn. */
export interface TuneExample {
  readonly question: string;
  readonly answer: string;
  /** Paths or data URLs, in the order in which they are shown. */
  readonly images: readonly string[];
  /** What its pictures are, whatever their files are called; of a question without one, its line. */
  readonly pictures: readonly string[];
  /** Other answers that count as right in an evaluation. */
  readonly accept: readonly string[];
  readonly kind: string;
  readonly scene: string;
  readonly language: string;
  /** `file:line` */
  readonly origin: string;
}

const text = z.string().refine((value) => value.trim() !== "", "expected a text, found none");

const questionSchema = z.strictObject({
  question: text,
  /** What is learnt, word for word. */
  answer: text,
  accept: z.array(z.string()).default([]),
  kind: z.string().default("question"),
  scene: z.string().default(""),
  language: z.string().default(""),
  /** False: an answer that was proposed by a model and is not checked; it is left out. */
  reviewed: z.boolean().default(true),
  ...{ set: z.unknown().optional(), pattern: z.unknown().optional(), schema: z.unknown().optional() }, // further ways to grade it, for an evaluation
});

/** As in evaluation files: more pictures in one question are a mistake in the file. */
const maxMore = 63;

const recordSchema = z
  .strictObject({
    image: z.string().min(1).optional(),
    more: z.array(z.string().min(1)).max(maxMore).optional(),
    questions: z.array(questionSchema).min(1),
    label: z.unknown().optional(),
  })
  .refine(({ image, more }) => image !== undefined || more === undefined, "expected image beside more");

/** A day of steps on a large machine; more is a mistake in the file. */
const maxExamples = 1_000_000;
/** The largest picture that is decoded has 64 MiB, in base64 a third more. */
const maxLineBytes = 96 * 2 ** 20;
const maxProblems = 100;

/** @throws `not_found`, `io`, `invalid_file` naming the lines in `details.problems`, `too_large`. */
export async function readExamples(files: readonly string[]): Promise<TuneExample[]> {
  const examples: TuneExample[] = [];
  const problems: string[] = [];
  for (const path of files) {
    for await (const { text: line, number } of readLines(path, maxLineBytes)) {
      if (line.trim() === "") continue;
      const found = await readLine(line, path, `${path}:${number}`);
      examples.push(...found.examples);
      problems.push(...found.problems);
      if (problems.length > maxProblems) break;
      if (examples.length > maxExamples)
        throw new OcellusError("too_large", `${path}: more than ${maxExamples} questions in all`, {
          details: { path, limit: maxExamples },
        });
    }
  }
  if (problems.length > 0)
    throw new OcellusError("invalid_file", firstOf(problems, 10), {
      details: { problems: problems.slice(0, maxProblems) },
    });
  return examples;
}

interface FoundLine {
  readonly examples: readonly TuneExample[];
  readonly problems: readonly string[];
}

async function readLine(line: string, path: string, origin: string): Promise<FoundLine> {
  const failed = (...problems: string[]) => ({
    examples: [],
    problems: problems.map((problem) => `${origin}: ${problem}`),
  });
  let json: unknown;
  try {
    json = parseJson(line, fileLimits);
  } catch (cause) {
    return failed(`expected JSON: ${(cause as Error).message}`);
  }
  const record = recordSchema.safeParse(json, { error: fieldExpectation });
  if (!record.success) return failed(...fieldProblems(record.error));
  const { image, more = [], questions } = record.data;
  const images = (image === undefined ? [] : [image, ...more]).map((each) =>
    isUrl(each) ? each : resolve(dirname(path), each),
  );
  const remote = images.find((each) => /^https?:/i.test(each));
  if (remote !== undefined) return failed("expected a path or a data URL of an image, found a web address");
  const missing = await missingOf(images);
  if (missing) return failed(`the image ${missing} does not exist`);
  const pictures = images.length > 0 ? await Promise.all(images.map(pictureDigest)) : [textDigest(line.trim())];
  const kept = questions.filter(({ reviewed }) => reviewed);
  const examples = kept.map(({ reviewed: _, set: _set, pattern: _pattern, schema: _schema, ...question }) => ({
    ...question,
    images,
    pictures,
    origin,
  }));
  return { examples, problems: [] };
}

async function missingOf(images: readonly string[]): Promise<string | undefined> {
  for (const image of images) {
    if (isUrl(image)) continue;
    const found = await stat(image).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
      throw ioError("read the image", image, cause);
    });
    if (!found?.isFile()) return image;
  }
  return undefined;
}

function pictureDigest(image: string): Promise<string> | string {
  return isUrl(image) ? textDigest(image) : fileDigest(image);
}

/** Of all that is learnt from. */
export function dataDigest(examples: readonly TuneExample[]): string {
  const hash = createHash("sha256");
  for (const { question, answer, images, pictures } of examples)
    hash.update(JSON.stringify([question, answer, images.length > 0 ? pictures : []]));
  return hash.digest("hex");
}

export interface SplitExamples {
  readonly train: readonly TuneExample[];
  readonly heldOut: readonly TuneExample[];
}

/**
 * Pictures that are shown together stay together. At least one group is on each side; the same seed draws the same pictures,
 * whatever the order of the lines.
 * @throws `invalid_request` for fewer than two groups.
 */
export function splitByPicture(examples: readonly TuneExample[], share: number, seed: number): SplitExamples {
  const groupOf = groupsOf(examples);
  const rank = (group: string) => textDigest(`${seed} ${group}`);
  const groups = [...new Set(examples.map((each) => groupOf(each)))].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  if (groups.length < 2)
    throw new OcellusError(
      "invalid_request",
      `expected at least two pictures, one to learn from and one held out, found ${groups.length}`,
      { details: { field: "data", expected: 2, found: groups.length } },
    );
  const count = Math.min(groups.length - 1, Math.max(1, Math.round(share * groups.length)));
  const held = new Set(groups.slice(0, count));
  const isHeld = (each: TuneExample) => held.has(groupOf(each));
  return { train: examples.filter((each) => !isHeld(each)), heldOut: examples.filter(isHeld) };
}

/** Each picture's group is named by the first picture that it hangs together with. */
function groupsOf(examples: readonly TuneExample[]): (example: TuneExample) => string {
  const parents = new Map<string, string>();
  const root = (picture: string): string => {
    let at = picture;
    for (let next = parents.get(at); next !== undefined; next = parents.get(at)) at = next;
    return at;
  };
  for (const { pictures } of examples) {
    const [first, ...others] = [...new Set(pictures.map(root))].sort();
    for (const other of others) parents.set(other, first!);
  }
  return ({ pictures }) => root(pictures[0]!);
}
