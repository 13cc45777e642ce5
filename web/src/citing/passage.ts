/**
 * The passage of a page that an answer is most like: of its sentences the one that shares most with the sentence that names the page,
 * and with the question. Rare words weigh more; where less than two are shared, none is marked.
 */
import { citeMark, markNumbers } from "./numbers.js";

export interface Passage {
  readonly from: number;
  readonly to: number;
}

interface Asked {
  readonly question: string;
  readonly answer: string;
  /** Of the page. */
  readonly number: number;
}

/** What the answer says of the page weighs more than what was asked. */
const [ofAnswer, ofQuestion] = [2, 1];
const leastShared = 2;

export function passageOf(text: string, asked: Asked): Passage | undefined {
  const sentences = sentencesOf(text).map((place) => ({ ...place, terms: termsOf(text.slice(place.from, place.to)) }));
  const weights = wanted(asked);
  const counts = new Map<string, number>();
  for (const { terms } of sentences) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  let best: Passage | undefined;
  let most = 0;
  for (const { from, to, terms } of sentences) {
    const shared = [...terms].filter((term) => weights.has(term));
    const score = shared.reduce((sum, term) => sum + weights.get(term)! / counts.get(term)!, 0);
    if (shared.length < leastShared || score <= most) continue;
    [best, most] = [{ from, to }, score];
  }
  return best;
}

function wanted({ question, answer, number }: Asked): ReadonlyMap<string, number> {
  const marked = markNumbers(answer, (each) => each === number);
  const weights = new Map([...termsOf(question)].map((term) => [term, ofQuestion]));
  let before: ReadonlySet<string> = new Set();
  for (const { from, to } of sentencesOf(marked)) {
    const sentence = marked.slice(from, to);
    const terms = termsOf(sentence.replaceAll(citeMark + number, ""));
    const said = terms.size > 0 ? terms : before; // the number stands behind its full stop
    if (sentence.includes(citeMark)) for (const term of said) weights.set(term, ofAnswer);
    before = said;
  }
  return weights;
}

/** Lines, and sentences in them, without the space around them. */
function sentencesOf(text: string): Passage[] {
  const places: Passage[] = [];
  for (const match of text.matchAll(/[^\n.!?。！？；]+(?:[.!?](?!\s)[^\n.!?。！？；]+)*[.!?。！？；]*/g)) {
    const words = match[0].trim();
    const from = match.index + match[0].indexOf(words);
    if (words !== "") places.push({ from, to: from + words.length });
  }
  return places;
}

/** Numbers, and words of four letters and more: shorter ones are everywhere. Chinese by pairs of characters. */
function termsOf(text: string): ReadonlySet<string> {
  const terms = new Set<string>();
  for (const [run] of text
    .normalize("NFKC")
    .toLowerCase()
    .matchAll(/\p{Script=Han}+|[\p{L}\p{N}]+/gu)) {
    const characters = [...run];
    const isHan = /^\p{Script=Han}/u.test(run);
    if (isHan) for (let i = 0; i + 1 < characters.length; i++) terms.add(`${characters[i]}${characters[i + 1]}`);
    else if (characters.length >= 4 || /\p{N}/u.test(run)) terms.add(run);
  }
  return terms;
}
