/**
 * Questions with known answers to learn from, as JSON lines: a picture with its questions, in the format of golden sets
 * (docs/golden.md), or questions without a picture. What is held out is drawn by picture: a question about a picture that was
 * learnt from would say nothing of pictures that were not.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { ioError, OcellusError } from "../../core/base/index.js";
import { fileDigest, type JsonLine, readJsonLines, textDigest } from "../../core/fs/index.js";
import { isUrl } from "../../core/image/node/index.js";
import { mostProblems, questionFields, refuseProblems } from "../../evals/index.js";
import type { Recipe } from "./recipe.js";

const text = z.string().refine((value) => value.trim() !== "", "expected a text, found none");

/** `answer` is what is learnt, word for word; what else there is to grade an answer by is for evaluations. */
const questionSchema = z.strictObject({ ...questionFields, question: text, answer: text });

/** One question, what is shown with it, and the answer to learn. */
export interface TuneExample extends z.infer<typeof questionSchema> {
  /** Paths or data URLs, in the order in which they are shown. */
  readonly images: readonly string[];
  /** What its pictures are, whatever their files are called; of a question without one, its line. */
  readonly pictures: readonly string[];
  /** `file:line` */
  readonly origin: string;
}

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

/**
 * @param unreviewed whether answers that a model proposed and that no one has checked are taken, too: for what a model is to keep
 * doing, its own answers are right. Default false.
 * @throws `not_found`, `io`, `invalid_file` naming the lines in `details.problems`, `too_large`.
 */
export async function readExamples(
  files: readonly string[],
  { unreviewed = false }: { readonly unreviewed?: boolean } = {},
): Promise<TuneExample[]> {
  const examples: TuneExample[] = [];
  const problems: string[] = [];
  for (const path of files) {
    for await (const line of readJsonLines(path, recordSchema, maxLineBytes)) {
      const found = await examplesOf(line, path);
      examples.push(...found.examples.filter(({ reviewed }) => reviewed || unreviewed));
      problems.push(...found.problems);
      if (problems.length > mostProblems) break;
      if (examples.length > maxExamples)
        throw new OcellusError("too_large", `${path}: more than ${maxExamples} questions in all`, {
          details: { path, limit: maxExamples },
        });
    }
  }
  refuseProblems(problems);
  return examples;
}

interface FoundLine {
  readonly examples: readonly TuneExample[];
  readonly problems: readonly string[];
}

async function examplesOf(line: JsonLine<z.infer<typeof recordSchema>>, path: string): Promise<FoundLine> {
  const { origin, record } = line;
  if (!record) return { examples: [], problems: line.problems };
  const failed = (problem: string) => ({ examples: [], problems: [`${origin}: ${problem}`] });
  const { image, more = [], questions } = record;
  const images = (image === undefined ? [] : [image, ...more]).map((each) =>
    isUrl(each) ? each : resolve(dirname(path), each),
  );
  const remote = images.find((each) => /^https?:/i.test(each));
  if (remote !== undefined) return failed("expected a path or a data URL of an image, found a web address");
  const missing = await missingOf(images);
  if (missing) return failed(`the image ${missing} does not exist`);
  const pictures = images.length > 0 ? await Promise.all(images.map(pictureDigest)) : [textDigest(line.text.trim())];
  return { examples: questions.map((question) => ({ ...question, images, pictures, origin })), problems: [] };
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
  const { numGroups, ...split } = drawnByPicture(examples, share, seed);
  if (numGroups >= 2) return split;
  throw new OcellusError(
    "invalid_request",
    `expected at least two pictures, one to learn from and one held out, found ${numGroups}`,
    { details: { field: "data", expected: 2, found: numGroups } },
  );
}

/** Of one group nothing is held out. */
function drawnByPicture(
  examples: readonly TuneExample[],
  share: number,
  seed: number,
  most = Number.POSITIVE_INFINITY,
) {
  const groupOf = groupsOf(examples);
  const rank = (group: string) => textDigest(`${seed} ${group}`);
  const groups = [...new Set(examples.map((each) => groupOf(each)))].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const count = Math.min(groups.length - 1, most, Math.max(1, Math.round(share * groups.length)));
  const held = new Set(groups.slice(0, Math.max(0, count)));
  const isHeld = (each: TuneExample) => held.has(groupOf(each));
  return {
    train: examples.filter((each) => !isHeld(each)),
    heldOut: examples.filter(isHeld),
    numGroups: groups.length,
  };
}

/**
 * What is rehearsed, split so that no picture that is held out on either side is learnt from on the other. Nothing may be held out
 * where all pictures are learnt from.
 * @param ratio most pictures that are held out for each new one
 */
export function splitRehearsed(
  rehearsed: readonly TuneExample[],
  { train, heldOut }: SplitExamples,
  { heldOut: share, seed, rehearsalRatio: ratio }: Pick<Recipe, "heldOut" | "seed" | "rehearsalRatio">,
): SplitExamples {
  const picturesOf = (examples: readonly TuneExample[]) => new Set(examples.flatMap(({ pictures }) => pictures));
  const [learnt, held] = [picturesOf(train), picturesOf(heldOut)];
  const shows = (set: ReadonlySet<string>) => (each: TuneExample) => each.pictures.some((picture) => set.has(picture));
  const rest = rehearsed.filter((each) => !shows(held)(each));
  const drawn = new Set(drawnByPicture(rest, share, seed, Math.ceil(ratio * held.size)).heldOut);
  const kept = rehearsed.filter((each) => (drawn.has(each) || shows(held)(each)) && !shows(learnt)(each));
  return { train: rest.filter((each) => !shows(picturesOf(kept))(each)), heldOut: kept };
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
