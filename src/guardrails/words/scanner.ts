/**
 * Reads text piece by piece, steps both automata, and has their candidates verified. A hit is told once nothing that began
 * at or before it can still become a match (so that an allowed phrase around it is known), and text is ready from there
 * back: what any chunking gives is the same, since characters are looked at one by one.
 */
import { invariant } from "../../core/base/index.js";
import { type Compiled, flagBits, longestRun, soundWidth } from "./compile.js";
import { foldAstral, kinds } from "./folding.js";
import { hanReadings } from "./han.js";
import type { Span } from "./rule.js";
import type { Links } from "./trie.js";
import { ShapeVerifier } from "./verify-shape.js";
import { SoundVerifier } from "./verify-sound.js";
import { gaps, Window } from "./window.js";

/** Separators between two characters of a word; one more, and it is another word, unless every character stands apart. */
const maxSeparators = 3;
/** Where every character stands apart: what a line of a page or a rule of dashes may have. */
const maxWide = 40;
/** Invisible characters in one place: more than any script stacks on a letter, and a bound for what is held back. */
const maxInvisible = 64;
const [newline, carriageReturn, at] = [0x0a, 0x0d, 0x40];
/** No kind: the end of a line of one character. */
const wideLine = -1;
/** A longer run of one character is no word: the bound of what is held back. */
const maxRun = 64;
/** A word has at most 64 characters, each with two shapes or six letters. */
const ringMask = 511;

interface Hit {
  readonly start: number;
  readonly end: number;
  readonly rule: number;
}

export class Scanner {
  readonly #c: Compiled;
  readonly #window = new Window();
  readonly #shapeVerifier: ShapeVerifier;
  readonly #soundVerifier: SoundVerifier | undefined;
  /** Ring: symbol of a shape, letter of a sound → the number of its character. */
  readonly #shapeCharacters = new Int32Array(ringMask + 1);
  readonly #soundCharacters = new Int32Array(ringMask + 1);
  readonly #readings = hanReadings();
  readonly #soundSteps: Int32Array;
  #numShapes = 0;
  #numSounds = 0;
  #shape = 0;
  #sound = 0;
  #gap: number = gaps.break;
  #numSeparators = 0;
  #numOnLine = 0;
  #numInvisible = 0;
  #run = 0;
  #position = 0;
  #hits: Hit[] = [];
  #allowed: Hit[] = [];

  constructor(compiled: Compiled) {
    this.#c = compiled;
    this.#shapeVerifier = new ShapeVerifier(compiled, this.#window);
    this.#soundSteps = compiled.sounds?.automaton.steps ?? new Int32Array(0);
    this.#soundVerifier = compiled.sounds && new SoundVerifier(compiled, compiled.sounds, this.#window);
  }

  /** Where the next character begins, in UTF-16 units of all that was read. */
  get position(): number {
    return this.#position;
  }

  /** Reads on; stops before a high surrogate that is the last unit. */
  read(text: string): void {
    const { kind, symbol, character, letter } = this.#c.tables;
    for (let i = 0; i < text.length; i++) {
      let unit = text.charCodeAt(i);
      let length = 1;
      if (unit >= 0xd800 && unit <= 0xdbff) {
        if (i + 1 === text.length) return;
        const codePoint = text.codePointAt(i)!;
        if (codePoint > 0xffff) {
          length = 2;
          i++;
          unit = this.#c.astral.get(codePoint) ?? foldAstral(codePoint) ?? 0x2a;
        }
      }
      const start = this.#position;
      this.#position += length;
      const what = kind[unit]!;
      if (what >= kinds.latin && (what !== kinds.leet || this.#isSign(unit)))
        this.#character(symbol[unit]!, character[unit]!, what, letter[unit]!, start);
      else this.#skip(unit === newline || unit === carriageReturn ? this.#endOfLine() : what);
    }
  }

  /** No more comes. */
  end(): void {
    this.#break();
  }

  /** Where what may still become a match begins; all before it is settled. */
  held(): number {
    const shape = this.#heldBy(this.#c.shapes.links, this.#shape, this.#shapeCharacters, this.#numShapes);
    const sounds = this.#c.sounds;
    const sound = sounds ? this.#heldBy(sounds.automaton, this.#sound, this.#soundCharacters, this.#numSounds) : -1;
    const first = shape < 0 ? sound : sound < 0 ? shape : Math.min(shape, sound);
    return first < 0 ? this.#position : this.#window.start(first);
  }

  /** The hits that begin before `held`, first ones first; each is told once. */
  take(held: number): Span[] {
    if (this.#hits.length === 0 && this.#allowed.length === 0) return [];
    const settled = this.#hits.filter((hit) => hit.start < held);
    this.#hits = this.#hits.filter((hit) => hit.start >= held);
    const told = outside(settled.sort(byPlace), this.#allowed.sort(byPlace));
    this.#allowed = this.#allowed.filter((hit) => hit.end > held);
    return told.filter((hit, i) => i === 0 || !isSame(hit, told[i - 1]!)).map((hit) => this.#span(hit));
  }

  #span({ start, end, rule }: Hit): Span {
    const { word, category, severity = 1 } = this.#c.rules.rules[rule]!;
    return { start, end, category, word, severity };
  }

  /** `@` and `$` are letters unless Chinese stands before them, `!` and `|` only right after a Latin letter. */
  #isSign(unit: number): boolean {
    const last = this.#window.size - 1;
    const kind = last >= 0 && this.#gap === gaps.none ? this.#window.kind(last) : kinds.break;
    return unit === 0x21 || unit === 0x7c ? kind === kinds.latin || kind === kinds.digit : kind !== kinds.other;
  }

  #skip(what: number): void {
    if (what === kinds.invisible) {
      if (++this.#numInvisible > maxInvisible) this.#break();
      return;
    }
    if (what === kinds.break) this.#break();
    else if (++this.#numSeparators > maxSeparators || what === wideLine) this.#widen();
    else if (this.#gap < gaps.wide) this.#gap = Math.max(this.#gap, gapOf(what));
  }

  /** Only where the character before it stands apart: what is written so is no prose. */
  #widen(): void {
    const last = this.#window.size - 1;
    const isApart = this.#gap < gaps.break && last >= 0 && this.#window.gap(last) !== gaps.none;
    if (isApart && this.#numSeparators <= maxWide) this.#gap = gaps.wide;
    else this.#break();
  }

  /** One character a line is one word; else a line ends whatever it holds. */
  #endOfLine(): number {
    const isOne = this.#numOnLine === 1 || (this.#numOnLine === 0 && this.#gap === gaps.wide);
    this.#numOnLine = 0;
    return isOne ? wideLine : kinds.break;
  }

  #break(): void {
    this.#window.nextKind = kinds.break;
    this.#window.nextCharacter = 0;
    this.#closeShape();
    this.#closeSound();
    this.#shape = this.#sound = 0;
    this.#run = 0;
    this.#gap = gaps.break;
  }

  #character(symbol: number, character: number, kind: number, letter: number, start: number): void {
    const w = this.#window;
    const last = w.size - 1;
    const { coarse } = this.#c.tables;
    const item = coarse[symbol]!;
    if (this.#run >= maxRun) this.#break();
    this.#numOnLine++;
    const isRun = this.#gap < gaps.wide && last >= 0 && coarse[w.symbol(last)] === item;
    w.nextKind = this.#gap === gaps.none ? kind : kinds.break;
    w.nextCharacter = this.#gap === gaps.none ? character : 0;
    if (isRun && this.#run >= longestRun) {
      this.#run++;
      w.extend(this.#position);
      return;
    }
    if (!isRun) this.#closeShape();
    this.#closeSound();
    w.append(symbol, character, kind, this.#gap, letter, start, this.#position);
    this.#gap = gaps.none;
    this.#numSeparators = this.#numInvisible = 0;
    this.#run = isRun ? this.#run + 1 : 1;
    if (!isRun) this.#stepShape(symbol);
    if (this.#soundVerifier) this.#stepSound(character, kind, letter);
  }

  #stepShape(symbol: number): void {
    const { shape, isDivided, divided } = this.#c;
    if (isDivided[symbol] === 0) this.#stepItem(shape[symbol]!);
    else {
      const items = divided[shape[symbol]!]!;
      for (let i = 0; i < items.length; i++) this.#stepItem(items[i]!);
    }
  }

  #stepItem(item: number): void {
    this.#shapeCharacters[this.#numShapes++ & ringMask] = this.#window.size - 1;
    this.#shape = this.#c.shapes.step(this.#shape, item);
  }

  #stepSound(character: number, kind: number, letter: number): void {
    const syllable = this.#readings.syllable[character]!;
    if (syllable !== 0) {
      const letters = this.#readings.letters[syllable]!;
      for (let i = 0; i < letters.length; i++) this.#stepLetter(letters[i]!);
    } else if (letter !== 0) this.#stepLetter(letter);
    else if (kind !== kinds.digit || this.#window.letter(this.#window.size - 2) === 0) this.#sound = 0; // fa3lun2
  }

  #stepLetter(letter: number): void {
    this.#soundCharacters[this.#numSounds++ & ringMask] = this.#window.size - 1;
    this.#sound = this.#soundSteps[this.#sound * soundWidth + letter]!;
  }

  /** The run that was open is whole: has it ended words? */
  #closeShape(): void {
    const { output, pattern, samePlace, fail } = this.#c.shapes.links;
    const last = this.#window.size - 1;
    for (let node = this.#c.shapes.output(this.#shape); node !== 0; node = output[fail[node]!]!) {
      for (let rule = pattern[node]! - 1; rule >= 0; rule = samePlace[rule]! - 1) {
        if (this.#shapeVerifier.verify(rule, last)) this.#hit(this.#shapeVerifier.match, rule);
      }
    }
  }

  #closeSound(): void {
    const { sounds } = this.#c;
    if (!sounds || this.#sound === 0) return;
    const { output, pattern, samePlace, fail } = sounds.automaton;
    const last = this.#window.size - 1;
    const { nextKind, nextCharacter } = this.#window;
    if ((nextKind === kinds.latin || nextCharacter === at) && this.#window.letter(last) > 0) return; // pao@mo.cn
    for (let node = this.#soundSteps[this.#sound * soundWidth]!; node !== 0; node = output[fail[node]!]!) {
      for (let way = pattern[node]! - 1; way >= 0; way = samePlace[way]! - 1) {
        if (this.#soundVerifier!.verify(way, last)) this.#hit(this.#soundVerifier!.match, sounds.rule[way]!);
      }
    }
  }

  #hit({ first, last }: { first: number; last: number }, rule: number): void {
    const hit = { start: this.#window.start(first), end: this.#window.end(last), rule };
    const list = this.#c.rules.flags[rule]! & flagBits.allow ? this.#allowed : this.#hits;
    list.push(hit);
  }

  /** The number of the character with which the longest possible match begins, or -1. */
  #heldBy({ depth, fail }: Pick<Links, "depth" | "fail">, state: number, ring: Int32Array, size: number): number {
    for (let node = state; node !== 0; node = fail[node]!) {
      invariant(depth[node]! <= ringMask, "a word is longer than the scanner's ring");
      const at = ring[(size - depth[node]!) & ringMask]!;
      if (size > depth[node]! && ring[(size - depth[node]! - 1) & ringMask] === at) continue; // within a character
      const begin = this.#mayBegin(at);
      if (begin >= 0) return begin;
    }
    return -1;
  }

  /**
   * Where in the run that begins at `at` a match may begin, or -1: a Latin word begins none in its middle, unless some rule
   * says so.
   */
  #mayBegin(at: number): number {
    const w = this.#window;
    const { coarse } = this.#c.tables;
    if (this.#c.anyOpenStart || w.kind(at) !== kinds.latin) return at;
    for (let i = at; i < w.size && coarse[w.symbol(i)] === coarse[w.symbol(at)]; i++) {
      if (w.kind(i) !== kinds.latin || w.gap(i) !== gaps.none || w.kind(i - 1) !== kinds.latin) return i;
    }
    return -1;
  }
}

function gapOf(what: number): number {
  if (what === kinds.space) return gaps.space;
  if (what === kinds.odd) return gaps.odd;
  return what === kinds.quote ? gaps.quote : gaps.separator;
}

/** The hits that no allowed phrase covers; both in order. */
function outside(hits: readonly Hit[], allowed: readonly Hit[]): Hit[] {
  let [next, reach] = [0, -1];
  return hits.filter((hit) => {
    for (; next < allowed.length && allowed[next]!.start <= hit.start; next++)
      reach = Math.max(reach, allowed[next]!.end);
    return hit.end > reach;
  });
}

function byPlace(a: Hit, b: Hit): number {
  return a.start - b.start || b.end - a.end || a.rule - b.rule;
}

function isSame(a: Hit, b: Hit): boolean {
  return a.start === b.start && a.end === b.end && a.rule === b.rule;
}
