/**
 * Whether the characters that the automaton of shapes has stopped at are the rule's, by the switches that are on: runs
 * (`glaaarb`), gaps (`g-l-a-r-b`), leet signs, characters written as their two halves, and the bounds of Latin words.
 * Walks backwards from the last character. A run of two is not a run of one (`loose`, `lose`); a longer one is any shorter.
 */
import { type Compiled, flagBits, isLatinLike } from "./compile.js";
import { isLeetFor, kinds } from "./folding.js";
import { wholeForm } from "./han.js";
import { crossesWords, isOrdinary } from "./ordinary.js";
import { gaps, type Window } from "./window.js";

/** A run of this length or more counts as any shorter one. */
const stretched = 3;
/** Shorter words are too many to be looked for with signs for letters, digits in another style, or gaps beside Latin. */
const fewestDisguised = 3;
/** Shorter numbers are everywhere: 一五 is no 15. */
const fewestDigits = 4;

export interface Match {
  /** Numbers of the first and the last character in the window. */
  first: number;
  last: number;
}

export class ShapeVerifier {
  readonly match: Match = { first: 0, last: 0 };
  readonly #c: Compiled;
  readonly #window: Window;
  #letters = 0;
  #leets = 0;
  #restyled = 0;
  #numerals = 0;
  #isHex = true;
  #splits = 0;
  #gaps = 0;
  #oddGaps = 0;
  #hanGaps = 0;
  #joints = 0;
  #latinGaps = 0;
  #latinSpaces = 0;
  #wideGaps = 0;
  #quotes = 0;

  constructor(compiled: Compiled, window: Window) {
    this.#c = compiled;
    this.#window = window;
  }

  /** `match` has the place when the answer is true. */
  verify(rule: number, last: number): boolean {
    this.#letters = this.#leets = this.#restyled = this.#numerals = this.#splits = 0;
    this.#gaps = this.#oddGaps = this.#hanGaps = this.#joints = this.#latinGaps = this.#latinSpaces = 0;
    this.#wideGaps = this.#quotes = 0;
    this.#isHex = true;
    const { starts, symbols } = this.#c.rules;
    const from = starts[rule]!;
    this.match.last = last;
    let r = starts[rule + 1]! - 1;
    let t = last;
    while (r >= from) {
      const run = this.#ruleRun(r, from);
      const isFirst = r - run < from;
      const isLast = r === starts[rule + 1]! - 1;
      const before = isLatinLike(symbols[r]!)
        ? this.#latinRun(r, run, t, isFirst, isLast)
        : this.#hanRun(r, run, t, isFirst, isLast);
      if (before === fails) return false;
      r -= run;
      t = before;
      if (isFirst) this.match.first = before + 1;
      else if (!this.#join(before + 1, r + 1)) return false;
    }
    return this.#isBounded(rule, last) && this.#isAllowed(rule);
  }

  /** Characters of the rule, back from `r`, that are one run. */
  #ruleRun(r: number, from: number): number {
    const { symbols } = this.#c.rules;
    const { coarse } = this.#c.tables;
    let run = 1;
    while (r - run >= from && coarse[symbols[r - run]!] === coarse[symbols[r]!]) run++;
    return run;
  }

  /** The same of the text; a break ends it. */
  #textRun(t: number): number {
    const { coarse } = this.#c.tables;
    const w = this.#window;
    let run = 1;
    while (w.has(t - run) && w.gap(t - run + 1) < gaps.wide && coarse[w.symbol(t - run)!] === coarse[w.symbol(t)!])
      run++;
    return run;
  }

  /** The number of the text's character before the run, or `fails`. */
  #latinRun(r: number, run: number, t: number, isFirst: boolean, isLast: boolean): number {
    const w = this.#window;
    const { coarse } = this.#c.tables;
    if (!w.has(t) || coarse[w.symbol(t)] !== coarse[this.#c.rules.symbols[r]!]) return fails;
    let first = t - this.#textRun(t) + 1;
    let last = t;
    // "glarb b": the word may end, or begin, at a gap within the run
    const may = (length: number) => length === run || length >= stretched;
    if (isLast)
      for (let i = first + 1; i <= t && last === t; i++) if (w.gap(i) !== gaps.none && may(i - first)) last = i - 1;
    const end = last;
    if (isFirst) for (let i = end; i > first; i--) if (w.gap(i) !== gaps.none && may(end - i + 1)) first = i;
    if (!this.#runFits(r - run + 1, run, first, last - first + 1)) return fails;
    for (let i = first + 1; i <= last; i++) this.#countGap(i, true);
    if (isLast) this.match.last = last;
    return first - 1;
  }

  #runFits(r: number, run: number, t: number, length: number): boolean {
    if (length === run) {
      for (let i = 0; i < run; i++) if (!this.#fits(t + i, r + i)) return false;
      return true;
    }
    if (!this.#c.tables.switches.repeats || isDigit(this.#c.rules.symbols[r]!) || length < stretched || length < run)
      return false;
    let at = 0;
    for (let i = 0; i < length; i++) {
      if (this.#fits(t + i, r + at)) continue;
      if (at + 1 >= run || !this.#fits(t + i, r + at + 1)) return false;
      at++;
    }
    return this.#c.rules.symbols[r + at] === this.#c.rules.symbols[r + run - 1];
  }

  #fits(t: number, r: number): boolean {
    const [sign, letter] = [this.#window.symbol(t), this.#c.rules.symbols[r]!];
    if (sign === letter) this.#letters++;
    else if (this.#c.tables.switches.leet && isLeetFor(sign, letter)) this.#leets++;
    else return false;
    if (isDigit(letter) && this.#window.character(t) !== this.#c.rules.characters[r]) {
      this.#restyled++;
      if (isHan(this.#window.character(t))) this.#numerals++;
    }
    this.#isHex &&= isHexDigit(sign);
    return true;
  }

  #hanRun(r: number, run: number, t: number, isFirst: boolean, isLast: boolean): number {
    const w = this.#window;
    const symbol = this.#c.rules.symbols[r]!;
    if (!w.has(t)) return fails;
    if (w.symbol(t) !== symbol) return run === 1 ? this.#halves(symbol, t) : fails;
    const length = this.#textRun(t);
    const { repeats } = this.#c.tables.switches;
    if (length < run || !(length === run || isFirst || isLast || (repeats && length >= stretched))) return fails;
    const first = isFirst ? t - run + 1 : t - length + 1;
    if (isLast && !repeats) this.match.last = first + run - 1;
    for (let i = first + 1; i <= t; i++) this.#countGap(i, false);
    return first - 1;
  }

  /** 女子 for 好, 虫古月 for 蝴: the number of the character before, or `fails`. */
  #halves(symbol: number, t: number): number {
    const halves = this.#c.parts.get(symbol);
    if (!halves) return fails;
    const middle = this.#half(halves[1], t);
    if (middle === fails || this.#window.gap(middle + 1) === gaps.break) return fails;
    this.#splits++;
    this.#countGap(middle + 1, false);
    return this.#half(halves[0], middle);
  }

  #half(half: number, t: number): number {
    if (!this.#window.has(t)) return fails;
    return wholeForm(this.#window.symbol(t)) === half ? t - 1 : this.#halves(half, t);
  }

  /** What lies before the text's character `t`, the rule's character `r`; not counted where the rule has a gap itself. */
  #join(t: number, r: number): boolean {
    if (this.#window.gap(t) === gaps.break) return false;
    const { symbols, gapBefore } = this.#c.rules;
    if (gapBefore[r] === 0) this.#countGap(t, isLatinLike(symbols[r]!) && isLatinLike(symbols[r - 1]!));
    return true;
  }

  #countGap(i: number, isLatin: boolean): void {
    const gap = this.#window.gap(i);
    if (isLatin) this.#joints++;
    if (gap === gaps.none) return;
    this.#gaps++;
    if (gap === gaps.odd) this.#oddGaps++;
    if (gap === gaps.wide) this.#wideGaps++;
    if (isHan(this.#window.symbol(i)) && isHan(this.#window.symbol(i - 1))) this.#hanGaps++;
    if (gap === gaps.quote && !this.#standsAlone(i - 1) && !this.#standsAlone(i)) this.#quotes++;
    if (isLatin) this.#latinGaps++;
    if (isLatin && gap >= gaps.space) this.#latinSpaces++;
  }

  #standsAlone(t: number): boolean {
    const w = this.#window;
    const isOpen = t + 1 === w.size ? w.nextKind === kinds.break : w.gap(t + 1) !== gaps.none;
    return isOpen && w.gap(t) !== gaps.none;
  }

  /** A Latin word is no part of a longer one, unless the rule is open there; a number is no part of a longer one. */
  #isBounded(rule: number, last: number): boolean {
    const { flags, starts, symbols } = this.#c.rules;
    const w = this.#window;
    const { first } = this.match;
    if (!(flags[rule]! & flagBits.openStart) && w.has(first - 1) && w.gap(first) === gaps.none)
      if (goesOn(symbols[starts[rule]!]!, w.kind(first - 1), w.character(first - 1), w.character(first))) return false;
    if (flags[rule]! & flagBits.openEnd || this.match.last !== last) return true;
    return !goesOn(symbols[starts[rule + 1]! - 1]!, w.nextKind, w.nextCharacter, w.character(last));
  }

  /** What ordinary texts do by accident is no disguise. */
  #isAllowed(rule: number): boolean {
    const { starts } = this.#c.rules;
    const { first, last } = this.match;
    const length = starts[rule + 1]! - starts[rule]!;
    if (this.#gaps > 0 && !this.#c.tables.switches.separators) return false;
    if (this.#wideGaps > 0 && !(this.#gaps === last - first && this.#window.nextKind === kinds.break)) return false;
    if (length === 2 && last === first + 1 && this.#gaps === 0 && crossesWords(this.#window, first)) return false;
    if (this.#nearAt(rule) >= 0 && !this.#isNear(rule)) return false;
    if (length < fewestDisguised && (this.#leets > 0 || this.#restyled > 0 || this.#gaps > this.#hanGaps)) return false;
    if (this.#quotes > 0) return false; // “三陪”小姐, but not 法（轮）课
    if (this.#restyled > 0 && !this.#isDigitDisguised(rule, length)) return false;
    // within Latin words a space counts only if every letter stands apart: `g l a r b`, but not `as he`
    if (this.#latinGaps < this.#joints && (this.#latinSpaces > 0 || (this.#latinGaps > 0 && this.#leets > 0)))
      return false;
    if (
      this.#leets > 0 &&
      (this.#letters === 0 || (this.#leets > this.#letters && (this.#isHex || this.#isQuantity())))
    )
      return false;
    if (this.#splits > 0 && length === 1) return false;
    const isApart = this.#oddGaps > 0 || (this.#gaps === last - first && length > 2);
    if (this.#splits === 0 && (this.#hanGaps === 0 || isApart)) return true;
    return !isOrdinary(this.#window, this.match, length === 2 && this.#splits === 0);
  }

  #nearAt(rule: number): number {
    return this.#c.rules.nearAt[rule]!;
  }

  /** A look-alike is one where it makes no common word with its neighbours. */
  #isNear(rule: number): boolean {
    const { first, last } = this.match;
    const t = first + this.#nearAt(rule);
    if (last === first + 1) return this.#gaps === 0 && !isOrdinary(this.#window, this.match, true);
    const isPlain = last - first === this.#c.rules.starts[rule + 1]! - this.#c.rules.starts[rule]! - 1;
    return isPlain && !isOrdinary(this.#window, { first: t, last: t });
  }

  /** A number of four digits or more in another style; else not 十八届 for 18届: numerals in common words are how it is written. */
  #isDigitDisguised(rule: number, length: number): boolean {
    if (this.#isNumber(rule)) return length >= fewestDigits;
    return this.#numerals === 0 || !isOrdinary(this.#window, this.match);
  }

  /** Digits, then a unit: 15G. */
  #isQuantity(): boolean {
    const { first, last } = this.match;
    let t = first;
    while (t <= last && isDigit(this.#window.symbol(t))) t++;
    while (t <= last && isLetter(this.#window.symbol(t))) t++;
    return t > last;
  }

  #isNumber(rule: number): boolean {
    const { starts, symbols } = this.#c.rules;
    for (let r = starts[rule]!; r < starts[rule + 1]!; r++) if (!isDigit(symbols[r]!)) return false;
    return true;
  }
}

const fails = -2;

/** Whether a letter beside a word's own letter, or a digit of ASCII beside its own, makes it part of something longer. */
function goesOn(own: number, kind: number, character: number, ownCharacter: number): boolean {
  if (kind === kinds.latin) return isLetter(own);
  return kind === kinds.digit && isDigit(own) && isDigit(character) && isDigit(ownCharacter);
}

function isLetter(symbol: number): boolean {
  return isLatinLike(symbol) && (symbol | 32) >= 97 && (symbol | 32) <= 122;
}

function isDigit(symbol: number): boolean {
  return symbol >= 48 && symbol <= 57;
}

function isHexDigit(symbol: number): boolean {
  return isDigit(symbol) || (symbol >= 97 && symbol <= 102);
}

function isHan(symbol: number): boolean {
  return symbol >= 0x4e00;
}
