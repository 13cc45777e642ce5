/**
 * Whether the letters at which the automaton of sounds has stopped are the rule's characters, each written as itself, as
 * another of the same sound, or as its pinyin. Sounds are few and words many, so much is asked: see `#isAllowed`.
 */
import type { Compiled, Sounds } from "./compile.js";
import { pinyinLikeEnglish } from "./data/english.js";
import { kinds } from "./folding.js";
import { hanReadings } from "./han.js";
import { beginsName, isOrdinary } from "./ordinary.js";
import type { Match } from "./verify-shape.js";
import { gaps, type Window } from "./window.js";

/** Words of fewer characters are found by sound only where pinyin is written: nearly any two syllables are some word. */
const fewestHomophones = 3;
/** From this length on, tones need not agree. */
const fewestToneless = 4;
/** Shorter ones are abbreviations and English. */
const fewestLetters = 4;

/** Of the units and model names that stand right behind a number. */
const longestUnit = 2;

const english = new Set(pinyinLikeEnglish.split(" "));

export class SoundVerifier {
  readonly match: Match = { first: 0, last: 0 };
  readonly #c: Compiled;
  readonly #sounds: Sounds;
  readonly #window: Window;
  readonly #readings = hanReadings();
  #exact = 0;
  #sameTone = 0;
  #otherTone = 0;
  #numWritten = 0;
  #isLastExact = false;

  constructor(compiled: Compiled, sounds: Sounds, window: Window) {
    this.#c = compiled;
    this.#sounds = sounds;
    this.#window = window;
  }

  /** `match` has the place when the answer is true. */
  verify(pattern: number, last: number): boolean {
    const { rule, starts, syllables } = this.#sounds;
    const from = starts[pattern]!;
    const length = starts[pattern + 1]! - from;
    const firstCharacter = this.#c.rules.starts[rule[pattern]!]!;
    this.#exact = this.#sameTone = this.#otherTone = this.#numWritten = 0;
    let t = last;
    if (this.#isToneDigit(last)) return false; // it was found when its last letter was read
    for (let i = length - 1; i >= 0; i--) {
      if (i < length - 1 && this.#window.gap(t + 1) >= gaps.wide) return false;
      while (this.#isToneDigit(t)) t--;
      const numExact = this.#exact;
      t = this.#syllable(t, syllables[from + i]!, firstCharacter + i);
      if (t === fails) return false;
      if (i === length - 1) this.#isLastExact = this.#exact > numExact;
    }
    this.match.first = t + 1;
    this.match.last = last;
    return this.#isAllowed(length, firstCharacter);
  }

  #isToneDigit(t: number): boolean {
    return (
      this.#window.has(t) &&
      this.#window.kind(t) === kinds.digit &&
      this.#window.symbol(t) === this.#window.character(t)
    );
  }

  /** The number of the character before the syllable that ends at `t`, or `fails`. */
  #syllable(t: number, syllable: number, r: number): number {
    const w = this.#window;
    const readings = this.#readings;
    if (!w.has(t)) return fails;
    const character = w.character(t);
    if (readings.syllable[character] !== 0) {
      if (readings.syllable[character] !== syllable) return fails;
      const wanted = this.#c.rules.characters[r]!;
      if (character === wanted) this.#exact++;
      else if (readings.shareReading(character, wanted)) this.#sameTone++;
      else this.#otherTone++;
      return t - 1;
    }
    const { length } = readings.letters[syllable]!;
    for (let i = 0; i < length; i++) {
      if (!w.has(t - i) || w.letter(t - i) === 0 || (i > 0 && w.gap(t - i + 1) !== gaps.none)) return fails;
    }
    this.#numWritten++;
    return t - length;
  }

  #isAllowed(length: number, firstCharacter: number): boolean {
    const { pinyin, homophones } = this.#c.tables.switches;
    if (this.#numWritten === length) {
      const tokens = this.#tokens(); // `women` is English, and so is `she ran`
      return (
        pinyin &&
        !this.#goesOn() &&
        tokens.join("").length >= fewestLetters &&
        !tokens.every((token) => english.has(token))
      );
    }
    const numGaps = this.#numGaps();
    if (numGaps > 0 && (numGaps < length - 1 || length < fewestHomophones)) return false;
    if (this.#numWritten === 0) {
      if (!homophones || this.#exact === length) return false;
      if (length < fewestHomophones) return this.#isRadicalSwapped(firstCharacter);
      return (this.#otherTone === 0 || length >= fewestToneless) && !this.#isAccident();
    }
    if (!pinyin || this.#otherTone > 0 || this.#goesOn()) return false;
    return this.#sameTone === 0 || (homophones && this.#exact > 0);
  }

  /** The text is ordinary, or its last character, another than the rule's, is the surname of a name (记者郑 for 记者证). */
  #isAccident(): boolean {
    return (!this.#isLastExact && beginsName(this.#window, this.match.last)) || isOrdinary(this.#window, this.match);
  }

  /** Of two characters one has another radical and the same sound (抡 for 轮), and makes no common word where it stands. */
  #isRadicalSwapped(firstCharacter: number): boolean {
    if (this.#exact !== 1 || this.#otherTone > 0) return false;
    const { first, last } = this.match;
    const wanted = (t: number) => this.#c.rules.characters[firstCharacter + t - first]!;
    const t = this.#window.character(first) === wanted(first) ? last : first;
    const [own, other] = [wanted(t), this.#window.character(t)];
    return this.#soundPart(own) === this.#soundPart(other) && !isOrdinary(this.#window, this.match, true);
  }

  /** What is right of the radical: it mostly says how the character is read; a character without one is all of it. */
  #soundPart(character: number): number {
    return this.#c.parts.get(character)?.[1] ?? character;
  }

  #numGaps(): number {
    let numGaps = 0;
    for (let t = this.match.first + 1; t <= this.match.last; t++) if (this.#window.gap(t) !== gaps.none) numGaps++;
    return numGaps;
  }

  /** Whether a letter stands right before the match's first one, or a number of which that is the unit (5200mA). */
  #goesOn(): boolean {
    const w = this.#window;
    const { first } = this.match;
    if (w.letter(first) === 0 || !w.has(first - 1) || w.gap(first) !== gaps.none) return false;
    return w.letter(first - 1) > 0 || (this.#isToneDigit(first - 1) && this.#tokens().join("").length <= longestUnit);
  }

  /** What is written in letters, by gaps. */
  #tokens(): string[] {
    const w = this.#window;
    const tokens = [""];
    for (let t = this.match.first; t <= this.match.last; t++) {
      if (t > this.match.first && w.gap(t) !== gaps.none) tokens.push("");
      if (w.letter(t) > 0) tokens[tokens.length - 1] += String.fromCharCode(w.letter(t) + 96);
    }
    return tokens;
  }
}

const fails = -2;
