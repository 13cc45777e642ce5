/** A golden set: the reviewed questions of evaluation files, each known by what it shows, asks and accepts, not by its place. */
import { OcellusError, shorten } from "../core/base/index.js";
import { fileDigest, textDigest } from "../core/fs/index.js";
import { isUrl } from "../core/image/node/index.js";
import { normaliseAnswer } from "./answer-text.js";
import { isCorrect } from "./eval-score.js";
import { type EvalCase, expectedText, readEvalFiles, refuseProblems, reviewedCases } from "./eval-set.js";

export interface GoldenQuestion extends EvalCase {
  /** Of picture, question and accepted answers: the same in every copy of the set. */
  readonly id: string;
  /** Its number in the set, from 0. */
  readonly index: number;
}

export interface GoldenSet {
  readonly path: string;
  /** Hexadecimal SHA-256 over the questions, in whatever order they stand. */
  readonly digest: string;
  readonly questions: readonly GoldenQuestion[];
  /** Left out: no one has said that their answers are right. */
  readonly numUnreviewed: number;
}

/** @throws as `readEvalFiles`; `not_found` for a missing picture; `invalid_request` when there is nothing to ask. */
export async function readGoldenSet(path: string): Promise<GoldenSet> {
  const { cases, numUnreviewed } = reviewedCases(await readEvalFiles([path]));
  if (cases.length === 0) throw nothingToAsk(path, numUnreviewed);
  refuseProblems(cases.flatMap(severalImages));
  const images = new Map<string, string>();
  for (const found of cases) if (!images.has(found.image)) images.set(found.image, await imageDigest(found));
  refuseProblems([...contradictions(cases, ({ image }) => images.get(image)!)]);
  const questions = withIds(cases, images);
  const ids = questions.map(({ id }) => id).sort();
  return { path, digest: textDigest(ids.join("\n")), questions, numUnreviewed };
}

/** What is wrong with a question that shows several pictures: a golden set knows each by its one. */
export function severalImages({ more, origin }: EvalCase): string[] {
  return more ? [`${origin}: more: expected one image a question, found ${1 + more.length}`] : [];
}

export function nothingToAsk(path: string, numUnreviewed: number): OcellusError {
  const why =
    numUnreviewed > 0
      ? `none of its ${numUnreviewed} questions is reviewed: correct their answers and set "reviewed" to true`
      : "it holds no questions";
  return new OcellusError("invalid_request", `${path}: ${why}`);
}

/**
 * Questions that are asked twice of the same picture and have no right answer in common, one line each, with both places.
 * Where both are known by patterns or schemas alone, no one can say.
 */
export function* contradictions(cases: readonly EvalCase[], imageOf: (found: EvalCase) => string): Generator<string> {
  const first = new Map<string, EvalCase>();
  for (const found of cases) {
    const key = textDigest(JSON.stringify([imageOf(found), normaliseAnswer(found.question)]));
    const before = first.get(key);
    if (!before) first.set(key, found);
    else if (isContradiction(before, found))
      yield `${found.origin}: ${JSON.stringify(shorten(found.question))} has another right answer than at ${before.origin}, of the same image: ${shorten(expectedText(found))}, not ${shorten(expectedText(before))}`;
  }
}

function isContradiction(a: EvalCase, b: EvalCase): boolean {
  const [finite, other] = listsAll(a) ? [a, b] : [b, a];
  return listsAll(finite) && !rightAnswers(finite).some((text) => isCorrect(text, other));
}

/** Whether all its right answers are written down. */
function listsAll({ pattern, schema }: EvalCase): boolean {
  return pattern === undefined && schema === undefined;
}

function rightAnswers({ answer, accept, set }: EvalCase): string[] {
  return [...(answer === undefined ? [] : [answer]), ...accept, ...(set ? [set.join(", ")] : [])];
}

function withIds(cases: readonly EvalCase[], images: ReadonlyMap<string, string>): GoldenQuestion[] {
  const taken = new Map<string, number>();
  const questions: GoldenQuestion[] = [];
  for (const found of cases) {
    const { image, origin: _, reviewed: __, ...asked } = found;
    const sorted = Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1));
    const id = textDigest(JSON.stringify([images.get(image), sorted])).slice(0, 16);
    const count = (taken.get(id) ?? 0) + 1;
    taken.set(id, count);
    questions.push({ ...found, id: count === 1 ? id : `${id}-${count}`, index: questions.length }); // the same question twice
  }
  return questions;
}

/** What an address gives is not looked at: it is known by its name. */
export async function imageDigest({ image, origin }: EvalCase): Promise<string> {
  if (isUrl(image)) return textDigest(image);
  return fileDigest(image).catch((error: unknown) => {
    if (error instanceof OcellusError)
      throw new OcellusError(error.code, `${origin}: ${error.message}`, { cause: error });
    throw error;
  });
}
