/**
 * A vocabulary small enough to try every token: ids 0 to 255 are the bytes, then words that end in the middle of
 * characters, strings and numbers, or go past several. And a way to end any text, so that random answers are finite.
 */
import type { Tokenizer } from "../tokenizer/index.js";
import type { Expression } from "./expression.js";
import { Grammar } from "./grammar.js";
import { schemaText } from "./schema.js";
import { Vocabulary } from "./vocabulary.js";

const utf8 = (text: string) => new TextEncoder().encode(text);

const words = [
  ...['{"', '": ', '":"', '": "', '", "', '","', '"}', '"}}', "}}", "]}", '"]', '["', "[]", "{}", "],", '},{"', '"\n}'],
  ...[
    "true",
    "null",
    "alse",
    "nu",
    "12",
    "00",
    "0.",
    ".5",
    "e1",
    "E+",
    "-1",
    ", ",
    " 1",
    "1,",
    "2]",
    "  ",
    "\n  ",
    ",\n",
    "\t\t",
  ],
  ...[
    "name",
    "lass",
    "colour",
    'a"',
    "aa",
    "ab",
    "\\",
    '\\"',
    "\\n",
    "\\u",
    "\\u00",
    "d8",
    "\\ud83d\\u",
    "abc",
    "xyz",
    "A1",
    "-0",
    "@a.",
    "07-",
  ],
  ...["你", "好吗", "é", "👩‍👩", "品", "<tool_call>", "2024-", "T12:", '"name": "'],
].map(utf8);
const halves = [
  [0xe4, 0xbd],
  [0xa0, 0xe5],
  [0xf0, 0x9f],
  [0x91, 0xa9],
  [0x9f, 0x91],
  [0x22, 0xe4],
  [0xbd, 0xa0, 0x22],
  [0xc3],
  [0xff, 0xfe],
].map((bytes) => Uint8Array.from(bytes));
const tokens = [...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)), ...words, ...halves];
const added = ["<|im_end|>", "<tool_call>", "</tool_call>"];

/** The longest token first. */
function encode(text: string): number[] {
  const bytes = utf8(text);
  const ids: number[] = [];
  for (let at = 0; at < bytes.length; at += tokens[ids.at(-1)!]!.length) {
    const fits = (token: Uint8Array) => token.every((byte, i) => byte === bytes[at + i]);
    ids.push(
      tokens.reduce((best, token, id) => (fits(token) && token.length > tokens[best]!.length ? id : best), bytes[at]!),
    );
  }
  return ids;
}

export const toyTokenizer = {
  encode,
  bytesOf: (id: number) => tokens[id] ?? utf8(added[id - tokens.length] ?? ""),
  addedTokens: new Map(added.map((content, i) => [content, tokens.length + i])),
  vocabSize: tokens.length + added.length,
} as unknown as Tokenizer; // as much of one as grammars look at

export const toyVocabulary = new Vocabulary(toyTokenizer);
export const numOrdinary = tokens.length;

export function schemaGrammar(schema: unknown, vocabulary = toyVocabulary): Grammar {
  return new Grammar(vocabulary, (json) => schemaText(json, schema));
}

/** The state after a text, byte by byte; undefined when the text may not be written. */
export function stateAfter(
  grammar: Grammar,
  text: string | Uint8Array,
  vocabulary = toyVocabulary,
): Expression | undefined {
  const ids = singleBytes(vocabulary);
  let state: Expression | undefined = grammar.start;
  for (const byte of typeof text === "string" ? utf8(text) : text) state = state && grammar.after(state, ids[byte]!);
  return state;
}

/** Whether the whole text is allowed. */
export function accepts(grammar: Grammar, text: string, vocabulary = toyVocabulary): boolean {
  return stateAfter(grammar, text, vocabulary)?.isNullable ?? false;
}

const bytesByVocabulary = new WeakMap<Vocabulary, readonly number[]>();

/** Ids of the tokens of one byte. */
export function singleBytes(vocabulary: Vocabulary): readonly number[] {
  const known = bytesByVocabulary.get(vocabulary);
  if (known) return known;
  const ids: number[] = [];
  for (let node = 0; node < vocabulary.end.length; node = vocabulary.end[node]!)
    ids[vocabulary.byte[node]!] = vocabulary.token[node]!;
  bytesByVocabulary.set(vocabulary, ids);
  return ids;
}

/** Numbers from 0 to 1, the same for the same seed. [Lehmer, with Park and Miller's constants] */
export function seededRandom(seed: number): () => number {
  let state = (seed % 2147483646) + 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

export interface WriteOptions {
  readonly vocabulary?: Vocabulary;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** Tokens chosen by chance; then the answer is brought to its end. */
  readonly numRandom: number;
  /** Sees every state before its token is chosen. */
  readonly look?: (state: Expression, mask: Uint32Array) => void;
}

/** Random tokens among the open ones, then the shortest way to an end: throws when there is none, a dead end. */
export function write(grammar: Grammar, options: WriteOptions): { readonly ids: number[]; readonly text: string } {
  const { vocabulary = toyVocabulary, random, numRandom, look } = options;
  const ids: number[] = [];
  let state = grammar.start;
  for (let i = 0; i < numRandom; i++) {
    const mask = grammar.mask(state);
    look?.(state, mask);
    const open = openIds(mask);
    const stop = state.isNullable ? 1 : 0;
    const pick = Math.floor(random() * (open.length + stop));
    if (pick >= open.length) break;
    ids.push(open[pick]!);
    state = grammar.after(state, open[pick]!)!;
  }
  ids.push(...endingsOf(grammar, vocabulary).shortest(state));
  return {
    ids,
    text: new TextDecoder("utf-8", { fatal: true }).decode(
      Uint8Array.from(ids.flatMap((id) => [...vocabulary.bytesOf(id)])),
    ),
  };
}

export function openIds(mask: Uint32Array): number[] {
  const ids: number[] = [];
  for (const [word, bits] of mask.entries())
    for (let bit = 0; bits >>> bit !== 0 && bit < 32; bit++) if ((bits >>> bit) & 1) ids.push(word * 32 + bit);
  return ids;
}

const endings = new WeakMap<Grammar, Endings>();

function endingsOf(grammar: Grammar, vocabulary: Vocabulary): Endings {
  const known = endings.get(grammar) ?? new Endings(grammar, vocabulary);
  endings.set(grammar, known);
  return known;
}

/** The length of the shortest text of an expression, from its structure; where that does not tell, by trying bytes. */
class Endings {
  readonly #grammar: Grammar;
  readonly #bytes: readonly number[];
  readonly #candidates: readonly number[];
  readonly #lengths = new Map<Expression, number>();

  constructor(grammar: Grammar, vocabulary: Vocabulary) {
    this.#grammar = grammar;
    this.#bytes = singleBytes(vocabulary);
    this.#candidates = [...this.#bytes, ...vocabulary.addedTokens.values()];
    this.#settleRules();
  }

  shortest(start: Expression): number[] {
    const ids: number[] = [];
    for (let state = start; !state.isNullable; ) {
      const length = this.#length(state);
      const id = this.#candidates.find((each) => this.#lengthAfter(state, each) < length);
      if (id === undefined) throw new Error(`dead end after ${ids}`);
      ids.push(id);
      state = this.#grammar.after(state, id)!;
    }
    return ids;
  }

  #lengthAfter(state: Expression, id: number): number {
    const after = this.#grammar.after(state, id);
    return after ? this.#length(after) : Number.POSITIVE_INFINITY;
  }

  #length(expression: Expression): number {
    return this.#measure(expression, this.#lengths);
  }

  /** `known`: of parts, many of which stand in several places. */
  #measure(expression: Expression, known: Map<Expression, number>): number {
    const length = known.get(expression) ?? this.#measureShape(expression, known);
    known.set(expression, length);
    return length;
  }

  #measureShape(expression: Expression, known: Map<Expression, number>): number {
    const { shape } = expression;
    const of = (part: Expression) => this.#measure(part, known);
    if (expression.isNullable) return 0;
    switch (shape.kind) {
      case "byte":
      case "token":
        return 1;
      case "literal":
        return shape.bytes.length - shape.at;
      case "sequence":
        return of(shape.first) + of(shape.rest);
      case "choice":
        return Math.min(...shape.options.map(of));
      case "repeat":
        return shape.min * of(shape.item);
      case "lexeme":
        return of(shape.body);
      case "rule":
        return this.#lengths.get(expression) ?? Number.POSITIVE_INFINITY;
      default:
        return this.#search(expression);
    }
  }

  /** Breadth first over bytes. */
  #search(start: Expression): number {
    const seen = new Set([start]);
    for (let [level, length] = [[start], 0]; level.length > 0; length++) {
      if (level.some((state) => state.isNullable)) return length;
      level = level.flatMap((state) =>
        this.#bytes.flatMap((id) => {
          const next = this.#grammar.after(state, id);
          if (!next || seen.has(next)) return [];
          seen.add(next);
          return [next];
        }),
      );
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Rules may need each other: rounds, until no length gets shorter. */
  #settleRules(): void {
    for (let changed = true; changed; ) {
      changed = false;
      const known = new Map<Expression, number>();
      for (const [name, body] of this.#grammar.expressions.rules) {
        const rule = this.#grammar.expressions.rule(name);
        const length = this.#measure(body, known);
        if (length < (this.#lengths.get(rule) ?? Number.POSITIVE_INFINITY)) {
          this.#lengths.set(rule, length);
          changed = true;
        }
      }
    }
  }
}
