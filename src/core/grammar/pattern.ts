/**
 * `pattern`: an ECMAScript regular expression (flag u) as an expression over the inside of a JSON string. Lookaheads are
 * allowed outside groups; backward references, lookbehinds and \b are not regular, or not worth it, and are refused.
 * [ECMA-262, 22.2.1 Patterns]
 */
import { anyCharacter, type Characters, characters, complement, jsonCharacter } from "./characters.js";
import type { Derivatives } from "./derivative.js";
import type { Expression } from "./expression.js";

/** The problem in words, and the construct that it is about as the pattern writes it, or "syntax". */
type Refuse = (problem: string, construct: string) => never;

/**
 * Strings in which the pattern is found: a search, as JSON Schema says, unless it begins with ^ and ends with $.
 * `refuse` gets what cannot be done.
 */
export function patternText(derivatives: Derivatives, source: string, refuse: Refuse): Expression {
  try {
    new RegExp(source, "u");
  } catch (error) {
    refuse(`is not a regular expression with the flag u: ${error instanceof Error ? error.message : error}`, "syntax");
  }
  return new PatternParser(derivatives, source, refuse).parse();
}

/** Reads a pattern that RegExp has accepted, so that only what it means is in question here. */
class PatternParser {
  readonly #derivatives: Derivatives;
  readonly #source: readonly string[];
  readonly #refuse: Refuse;
  readonly #anything: Expression;
  #at = 0;

  constructor(derivatives: Derivatives, source: string, refuse: Refuse) {
    this.#derivatives = derivatives;
    this.#source = [...source];
    this.#refuse = refuse;
    this.#anything = derivatives.of.repeat(this.#character(anyCharacter), 0, Number.POSITIVE_INFINITY);
  }

  parse(): Expression {
    return this.#wholeAlternatives(false);
  }

  /** Alternatives that reach to the end of the string; outside lookaheads also from its start. */
  #wholeAlternatives(isLookahead: boolean): Expression {
    const { of } = this.#derivatives;
    const alternatives = [];
    do {
      const isAnchored = this.#take("^") || isLookahead;
      const body = this.#toTheEnd();
      alternatives.push(isAnchored ? body : of.sequence(this.#anything, body));
    } while (this.#take("|"));
    return of.choice(alternatives);
  }

  /** The rest of an alternative, and whatever may follow where no $ forbids it. */
  #toTheEnd(): Expression {
    const { of } = this.#derivatives;
    if (this.#isAlternativeOver()) return this.#anything;
    if (this.#take("$")) {
      if (!this.#isAlternativeOver()) this.#refuse("has a $ that is not at the end of an alternative", "$");
      return of.end;
    }
    const isPositive = this.#take("(?=");
    if (!isPositive && !this.#take("(?!")) return of.sequence(this.#term(), this.#toTheEnd());
    const ahead = this.#wholeAlternatives(true);
    this.#take(")");
    return this.#derivatives.both(isPositive ? ahead : of.except(ahead), this.#toTheEnd());
  }

  #isAlternativeOver(): boolean {
    return this.#at >= this.#source.length || this.#peek("|") || this.#peek(")");
  }

  /** Alternatives inside a group. */
  #alternatives(): Expression {
    const { of } = this.#derivatives;
    const alternatives = [];
    do {
      const terms = [];
      while (!this.#isAlternativeOver()) terms.push(this.#term());
      alternatives.push(of.sequence(...terms));
    } while (this.#take("|"));
    return of.choice(alternatives);
  }

  /** One atom with its quantifier. Lazy quantifiers match the same strings. */
  #term(): Expression {
    const { of } = this.#derivatives;
    const atom = this.#atom();
    const quantifier = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/.exec(this.#source.slice(this.#at, this.#at + 40).join(""));
    if (!quantifier) return atom;
    this.#at += quantifier[0].length;
    this.#take("?");
    const [symbol, least, comma, most] = quantifier;
    if (symbol === "?") return of.optional(atom);
    if (symbol === "*" || symbol === "+") return of.repeat(atom, symbol === "*" ? 0 : 1, Number.POSITIVE_INFINITY);
    const max = most ? Number(most) : comma ? Number.POSITIVE_INFINITY : Number(least);
    return of.repeat(atom, Number(least), max);
  }

  #atom(): Expression {
    for (const ahead of ["(?=", "(?!"]) if (this.#peek(ahead)) this.#refuse("has a lookahead inside a group", ahead);
    for (const behind of ["(?<=", "(?<!"]) if (this.#peek(behind)) this.#refuse("has a lookbehind", behind);
    for (const anchor of ["^", "$"])
      if (this.#peek(anchor)) this.#refuse(`has a ${anchor} that is not at the edge of an alternative`, anchor);
    if (this.#peek("(")) return this.#group();
    if (this.#take("[")) return this.#character(this.#class());
    if (this.#take(".")) return this.#character(complement(lineEnds));
    return this.#character(this.#single());
  }

  #group(): Expression {
    const opening = /^\((?:\?:|\?<[^>]*>|\?)?/.exec(this.#source.slice(this.#at, this.#at + 200).join(""))![0];
    if (opening === "(?") this.#refuse("has a group with flags", opening);
    this.#at += [...opening].length;
    const inside = this.#alternatives();
    this.#take(")");
    return inside;
  }

  /** After the opening bracket. */
  #class(): Characters {
    const isNegated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      const from = this.#single(true);
      if (!this.#peek("-") || this.#source[this.#at + 1] === "]") ranges.push(...from);
      else {
        this.#at++;
        ranges.push([from[0]![0], this.#single(true)[0]![0]]); // RegExp has refused ranges between sets
      }
    }
    return isNegated ? complement(characters(ranges)) : characters(ranges);
  }

  /** One character or escape, inside or outside a class. */
  #single(inClass = false): Characters {
    const character = this.#source[this.#at++]!;
    return character === "\\" ? this.#escape(inClass) : one(character.codePointAt(0)!);
  }

  #escape(inClass: boolean): Characters {
    const letter = this.#source[this.#at++]!;
    if (sets[letter]) return sets[letter];
    if (sets[letter.toLowerCase()]) return complement(sets[letter.toLowerCase()]!);
    if (letter in controls) return one(controls[letter]!);
    if (letter === "b" && inClass) return one(8);
    if (letter === "c") return one(this.#source[this.#at++]!.charCodeAt(0) % 32);
    if (letter === "x") return one(this.#hex(2));
    if (letter === "u") return one(this.#unicode());
    if (letter === "p" || letter === "P") return this.#property(letter);
    if (/[bBk1-9]/.test(letter)) this.#refuse(`has \\${letter}, which is not supported`, `\\${letter}`);
    return one(letter.charCodeAt(0));
  }

  #hex(length: number): number {
    this.#at += length;
    return Number.parseInt(this.#source.slice(this.#at - length, this.#at).join(""), 16);
  }

  /** \u1234, \u{12345}, or two of the first kind that are a pair of surrogates. */
  #unicode(): number {
    if (this.#take("{")) {
      const code = this.#hex(this.#source.indexOf("}", this.#at) - this.#at);
      this.#at++;
      return code;
    }
    const first = this.#hex(4);
    if (!(first >= 0xd800 && first <= 0xdbff && this.#peek("\\u"))) return first;
    this.#at += 2;
    return String.fromCharCode(first, this.#hex(4)).codePointAt(0)!;
  }

  #property(letter: string): Characters {
    const end = this.#source.indexOf("}", this.#at);
    const name = this.#source.slice(this.#at, end + 1).join("");
    this.#at = end + 1;
    return propertyCharacters(`\\${letter}${name}`, this.#derivatives);
  }

  #character(set: Characters): Expression {
    return jsonCharacter(this.#derivatives.of, set);
  }

  #peek(text: string): boolean {
    return [...text].every((character, i) => this.#source[this.#at + i] === character);
  }

  #take(text: string): boolean {
    const isThere = this.#peek(text);
    if (isThere) this.#at += text.length;
    return isThere;
  }
}

function one(code: number): Characters {
  return [[code, code]];
}

const digits: Characters = [[0x30, 0x39]];
const lineEnds = characters([0x0a, 0x0d, 0x2028, 0x2029].map((code) => [code, code]));
const sets: Readonly<Record<string, Characters>> = {
  d: digits,
  w: characters([...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]),
  s: characters([
    [0x09, 0x0d],
    [0x2000, 0x200a],
    ...[0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff].map((code) => [code, code] as const),
  ]),
};
const controls: Readonly<Record<string, number>> = { 0: 0, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** What \p{...} stands for, as this runtime's Unicode tables have it; the last few are kept. */
const properties = new Map<string, Characters>();
const maxProperties = 16;
/** One look through all code points takes as long as so many derivatives: eight are the most that a schema may cost. */
const propertyWork = 250_000;

function propertyCharacters(property: string, derivatives: Derivatives): Characters {
  const known = properties.get(property);
  if (known) return known;
  derivatives.of.spend(propertyWork);
  const runs = new RegExp(`${property}+`, "gu");
  const found: (readonly [number, number])[] = [];
  for (let start = 0; start <= 0x10ffff; start += 0x800) {
    if (start !== 0xd800) found.push(...runsIn(runs, start, start + 0x7ff)); // there the surrogates lie
  }
  if (properties.size >= maxProperties) properties.clear();
  properties.set(property, characters(found));
  return characters(found);
}

function runsIn(runs: RegExp, low: number, high: number): [number, number][] {
  const text = String.fromCodePoint(...Array.from({ length: high - low + 1 }, (_, i) => low + i));
  return [...text.matchAll(runs)].map(([run]) => {
    const codes = [...run];
    return [codes[0]!.codePointAt(0)!, codes.at(-1)!.codePointAt(0)!];
  });
}
