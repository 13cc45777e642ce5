/** A golden set: the reviewed questions of evaluation files, each known by what it shows, asks and accepts, not by its place. */
import { OcellusError } from "../base/index.js";
import { fileDigest, textDigest } from "../checkpoint/index.js";
import { type EvalCase, readEvalFiles, reviewedCases } from "./eval-set.js";
import { isUrl } from "./pictures.js";

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
  /** Left out: nobody has said that their answers are right. */
  readonly numUnreviewed: number;
}

/** @throws as `readEvalFiles`; `not_found` for a missing picture; `invalid_request` when there is nothing to ask. */
export async function readGoldenSet(path: string): Promise<GoldenSet> {
  const { cases, numUnreviewed } = reviewedCases(await readEvalFiles([path]));
  if (cases.length === 0) throw nothingToAsk(path, numUnreviewed);
  const problem = cases.flatMap(severalPictures)[0];
  if (problem !== undefined) throw new OcellusError("invalid_file", problem);
  const questions = await withIds(cases);
  const ids = questions.map(({ id }) => id).sort();
  return { path, digest: textDigest(ids.join("\n")), questions, numUnreviewed };
}

/** What is wrong with a question that shows several pictures: a golden set knows each by its one. */
export function severalPictures({ more, origin }: EvalCase): string[] {
  return more ? [`${origin}: more: expected one picture a question, found ${1 + more.length}`] : [];
}

function nothingToAsk(path: string, numUnreviewed: number): OcellusError {
  const why =
    numUnreviewed > 0
      ? `none of its ${numUnreviewed} questions is reviewed: correct their answers and set "reviewed" to true`
      : "it holds no questions";
  return new OcellusError("invalid_request", `${path}: ${why}`);
}

async function withIds(cases: readonly EvalCase[]): Promise<GoldenQuestion[]> {
  const pictures = new Map<string, string>();
  const taken = new Map<string, number>();
  const questions: GoldenQuestion[] = [];
  for (const found of cases) {
    const picture = pictures.get(found.image) ?? (await pictureDigest(found));
    pictures.set(found.image, picture);
    const { image: _, origin: __, reviewed: ___, ...asked } = found;
    const id = textDigest(JSON.stringify([picture, Object.entries(asked).sort(([a], [b]) => (a < b ? -1 : 1))])).slice(
      0,
      16,
    );
    const count = (taken.get(id) ?? 0) + 1;
    taken.set(id, count);
    questions.push({ ...found, id: count === 1 ? id : `${id}-${count}`, index: questions.length }); // the same question twice
  }
  return questions;
}

/** What an address gives is not looked at: it is known by its name. */
async function pictureDigest({ image, origin }: EvalCase): Promise<string> {
  if (isUrl(image)) return textDigest(image);
  return fileDigest(image).catch((error: unknown) => {
    if (error instanceof OcellusError)
      throw new OcellusError(error.code, `${origin}: ${error.message}`, { cause: error });
    throw error;
  });
}
