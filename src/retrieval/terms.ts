/**
 * What texts are compared by: words in lower case, and for scripts without spaces the pairs of neighbouring characters, so
 * that no dictionary decides where a word ends. A Chinese character is often a word by itself (茶, 灯), so each is a term
 * too. Traditional characters count as their simplified ones (Unihan, base/simplified.ts), compatibility forms as NFKC has them.
 */
import { simplifiedPairs } from "../core/base/index.js";

const simplified = new Map(
  Array.from({ length: simplifiedPairs.length / 2 }, (_, i) => [simplifiedPairs[2 * i]!, simplifiedPairs[2 * i + 1]!]),
);

/** Scripts that are written without spaces between words; by extensions, so that the long vowel mark ー is among them. */
const scripts = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"];
const unspaced = `(?:(?=[\\p{L}\\p{N}\\p{M}])[${scripts.map((script) => `\\p{scx=${script}}`).join("")}])`;
/** `型号E628` is written as one: a word ends where the unspaced script begins. */
const run = new RegExp(`${unspaced}+|(?:(?!${unspaced})[\\p{L}\\p{N}\\p{M}])+`, "gu");
const isUnspaced = new RegExp(`^${unspaced}`, "u");
const isHan = /\p{scx=Han}/u;

/** Each as often as the text has it. */
export function termsOf(text: string): string[] {
  const folded = text.normalize("NFKC").toLowerCase();
  return (folded.match(run) ?? []).flatMap((word) => (isUnspaced.test(word) ? parts(word) : [word]));
}

function parts(word: string): string[] {
  const characters = Array.from(word, (character) => simplified.get(character) ?? character);
  if (characters.length === 1) return characters;
  const pairs = characters.slice(1).map((character, i) => characters[i]! + character);
  return [...characters.filter((character) => isHan.test(character)), ...pairs];
}
