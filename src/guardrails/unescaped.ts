/**
 * Texts as they will be read once their encodings are undone, looked at by the detectors that know plain text; places are those
 * of the text as it is written. There are several ways to read one: `\uXXXX`, `\\`, `\/` and `\"` mean the same wherever they
 * stand; `\n`, `\t`, `\r`, `\b` and `\f` are a sign and a letter outside JSON (`\tromax`); and tags, entities, base64 and the
 * like (encoded.ts) may also be what they look like. What any reading finds is found. Linear in text and hits.
 */
import { encodedNotation, mayBeEncoded } from "./encoded.js";
import type { Notation } from "./notation.js";
import { PersonalData, type PersonalDataOptions } from "./personal/find.js";
import { countWhile } from "./redact.js";
import { buildMatcher, type MatcherOptions, type WordPiece, type WordStream } from "./words/matcher.js";
import type { Span, WordRule } from "./words/rule.js";

/** Looks at whole texts, and at those that come in pieces. */
export interface Finder {
  readonly find: (text: string) => Span[];
  stream(): WordStream;
}

/** Words as servers, commands and benches look for them. @throws as `buildMatcher` */
export function wordFinder(rules: readonly WordRule[], options?: MatcherOptions): Finder {
  return throughEncodings(buildMatcher(rules, options));
}

/** Personal data, likewise. */
export function personalDataFinder(options?: PersonalDataOptions): Finder {
  return throughEncodings(new PersonalData(options));
}

function throughEncodings(plain: Finder): Finder {
  const stream = () => plain.stream();
  return { find: (text) => findUnescaped(text, plain.find, stream), stream: () => unescapedStream(stream) };
}

/** Where what may become an escape begins: at a backslash that no other one escapes. */
const openEscape = (text: string) => {
  const tail = text.slice(-6);
  const at = text.length - tail.length + (/\\(?:u[0-9a-fA-F]{0,3})?$/.exec(tail)?.index ?? tail.length);
  let first = at;
  while (text[first - 1] === "\\") first--;
  return (at - first) % 2 === 0 ? at : text.length;
};
const letters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function meaningOfEscape(sign: string): string {
  if (sign[1] === "u") return String.fromCharCode(Number.parseInt(sign.slice(2), 16));
  return letters[sign[1]!] ?? sign[1]!;
}

const escapes = (pattern: RegExp): Notation => ({
  pattern,
  meaning: meaningOfEscape,
  open: openEscape,
  isRun: () => false,
});
const notations = [
  escapes(/\\(?:u[0-9a-fA-F]{4}|["\\/])/g),
  escapes(/\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])/g),
  encodedNotation,
];

/** What `find` finds, through encodings. */
export function findUnescaped(text: string, find: (text: string) => Span[], stream: () => WordStream): Span[] {
  if (!mayBeEncoded(text)) return find(text);
  const pieces = unescapedStream(stream);
  const spans: Span[] = [];
  for (let at = 0; at < text.length; at += pieceLength)
    spans.push(...pieces.push(text.slice(at, at + pieceLength)).spans);
  return [...spans, ...pieces.end().spans].sort(byPlace);
}

/** A long text is read in pieces, so that its hits are settled as they come. */
const pieceLength = 2 ** 14;

/** The same of a text in pieces; what is found and shown is the same under any cutting. */
export function unescapedStream(stream: () => WordStream): WordStream {
  const readings = notations.map((notation) => new Reading(notation, stream()));
  let told = new Map<string, number>();
  const together = (pieces: readonly WordPiece[]): WordPiece => {
    const ready = Math.min(...pieces.map((piece) => piece.ready));
    const spans: Span[] = [];
    for (const span of pieces.flatMap((piece) => piece.spans)) {
      const name = JSON.stringify([span.start, span.end, span.word, span.category]);
      if (told.has(name)) continue;
      spans.push(span);
      told.set(name, span.start);
    }
    if (told.size > 0) told = new Map([...told].filter(([, start]) => start >= ready)); // those before it every reading has told
    return { ready, spans: spans.sort(byPlace) };
  };
  return {
    push: (chunk) => together(readings.map((reading) => reading.push(chunk))),
    end: () => together(readings.map((reading) => reading.end())),
  };
}

/** A piece that stands for something else: where it begins in the plain and in the written text, and how long it is there. */
interface Joint {
  readonly plain: number;
  readonly numPlain: number;
  readonly written: number;
  readonly numWritten: number;
}

class Reading implements WordStream {
  readonly #notation: Notation;
  readonly #plain: WordStream;
  /** The end of the text, as long as it may become a piece. */
  #open = "";
  /** In their order; between them places are as far apart in both texts. */
  #joints: Joint[] = [{ plain: 0, numPlain: 0, written: 0, numWritten: 0 }];
  #numPlain = 0;
  #numWritten = 0;
  /** Within a run, the end of what was read. */
  #isInRun = false;

  constructor(notation: Notation, plain: WordStream) {
    this.#notation = notation;
    this.#plain = plain;
  }

  push(chunk: string): WordPiece {
    const text = this.#open + chunk;
    const end = this.#notation.open(text);
    this.#open = text.slice(end);
    return this.#placed(this.#plain.push(this.#read(text.slice(0, end))));
  }

  /** What did not become a piece is text. */
  end(): WordPiece {
    const { spans } = this.#placed(this.#plain.push(this.#read(this.#open)));
    const last = this.#placed(this.#plain.end());
    return { ready: last.ready, spans: [...spans, ...last.spans] };
  }

  #read(text: string): string {
    const { pattern, meaning, isRun } = this.#notation;
    const parts: string[] = [];
    if (text === "") return text;
    let isInRun = false;
    let at = 0;
    const take = (written: string, plain: string) => {
      parts.push(plain);
      this.#numPlain += plain.length;
      this.#numWritten += written.length;
    };
    for (const { index, 0: sign } of text.matchAll(pattern)) {
      const plain = this.#isInRun && index === 0 && isRun(sign) ? sign : meaning(sign);
      isInRun = index + sign.length === text.length && isRun(sign) && isRun(sign.slice(-1)); // `=` ends one
      if (plain === sign) continue;
      take(text.slice(at, index), text.slice(at, index));
      const joint = { plain: this.#numPlain, written: this.#numWritten };
      this.#joints.push({ ...joint, numPlain: plain.length, numWritten: sign.length });
      take(sign, plain);
      at = index + sign.length;
    }
    take(text.slice(at), text.slice(at));
    this.#isInRun = isInRun;
    return parts.join("");
  }

  #placed({ ready, spans }: WordPiece): WordPiece {
    const placed = spans.map((span) => ({ ...span, start: this.#start(span.start), end: this.#end(span.end) }));
    const piece = { ready: this.#start(ready), spans: placed };
    const kept = this.#before(ready, false);
    if (kept > 0) this.#joints = this.#joints.slice(kept);
    return piece;
  }

  /** The number of the last joint that begins before a plain place, or at it: there may be as many as characters. */
  #before(plain: number, isEnd: boolean): number {
    const isBefore = (joint: Joint) => (isEnd ? joint.plain < plain : joint.plain <= plain);
    return Math.max(0, countWhile(this.#joints, isBefore) - 1);
  }

  /** A place within a piece is that of its beginning. */
  #start(plain: number): number {
    const joint = this.#joints[this.#before(plain, false)]!;
    const beyond = plain - joint.plain - joint.numPlain;
    return beyond < 0 ? joint.written : joint.written + joint.numWritten + beyond;
  }

  /** What ends within a piece ends with it; what ends before one ends before it. */
  #end(plain: number): number {
    const joint = this.#joints[this.#before(plain, true)]!;
    return joint.written + joint.numWritten + Math.max(0, plain - joint.plain - joint.numPlain);
  }
}

function byPlace(a: Span, b: Span): number {
  return a.start - b.start || b.end - a.end;
}
