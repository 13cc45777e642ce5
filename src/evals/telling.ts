/**
 * Whether what a question accepts tells right answers from wrong ones: a pattern that is found in anything, a schema that all
 * JSON satisfies and an answer of which only signs are left would find every version perfect, or every one wrong.
 */
import { OcellusError } from "../core/base/index.js";
import { fitsPattern, satisfiesSchema } from "../core/grammar/index.js";
import { itemsOf, normaliseAnswer } from "./answer-text.js";

/** As unlike as answers are: what is right for all of these is right for any. */
const unlikeTexts = ["x", "7", "\u7ea2", "?", "It is a red dress, I think.", "long ".repeat(60)];
const unlikeValues = ["0", '"x"', "true", "null", "[]", "{}", '{"a": [1]}'];

/** @throws `invalid_request` */
export function checkAnswerTells(answer: string): void {
  if (normaliseAnswer(answer) === "") throw refusal("expected words: signs and spaces do not count in an answer");
}

/** @throws `invalid_request` */
export function checkSetTells(set: readonly string[]): void {
  const items = set.flatMap(itemsOf);
  if (items.length === 0) throw refusal("expected items: what separates them does not count");
  const twice = items.find((item, i) => items.indexOf(item) < i);
  if (twice !== undefined)
    throw refusal(`${JSON.stringify(twice)} stands there twice (case and final signs do not count)`);
}

/** @throws `invalid_request` */
export function checkPatternTells(pattern: string): void {
  if (unlikeTexts.every((text) => holds(() => fitsPattern(text, pattern))))
    throw refusal("it is found in every answer, so that none is wrong; say what a right answer has");
}

/** @throws `invalid_request` */
export function checkSchemaTells(schema: object): void {
  if (unlikeValues.every((text) => holds(() => satisfiesSchema(text, schema))))
    throw refusal("all JSON satisfies it, so that no answer is wrong; say what a right answer has");
}

/** What takes too long for an answer is no right answer. */
function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

function refusal(message: string): OcellusError {
  return new OcellusError("invalid_request", message);
}
