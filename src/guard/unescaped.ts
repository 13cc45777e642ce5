/**
 * Texts with the escapes of JSON undone, as whoever parses a tool call or a structured answer will read them, looked at by the
 * detectors that know plain text; places are those of the text as it is written.
 * `\uXXXX`, `\\`, `\/` and `\"` mean the same wherever they stand. Not so `\n`, `\t`, `\r`, `\b` and `\f`, which outside JSON are
 * a sign and a letter (`\tromax`), so both readings are looked at: what either finds is found.
 */
import { countWhile } from "./redact.js";
import type { Span, WordPiece, WordStream } from "./words/index.js";

const always = /\\(?:u[0-9a-fA-F]{4}|["\\/])/g;
const inJson = /\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])/g;
/** What may go on to become an escape. */
const open = /\\(?:u[0-9a-fA-F]{0,3})?$/;
const letters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A long text is read in pieces, so that what was found in one is settled before the next. */
const pieceLength = 2 ** 16;

/** What `find` finds, through escapes. */
export function findUnescaped(text: string, find: (text: string) => Span[], stream: () => WordStream): Span[] {
  if (!text.includes("\\")) return find(text);
  const pieces = unescapedStream(stream);
  const spans: Span[][] = [];
  for (let at = 0; at < text.length; at += pieceLength) spans.push(pieces.push(text.slice(at, at + pieceLength)).spans);
  return [...spans.flat(), ...pieces.end().spans].sort(byPlace);
}

/** The same of a text in pieces; what is told and shown is the same under any cutting. */
export function unescapedStream(stream: () => WordStream): WordStream {
  const readings = [new Reading(always, stream()), new Reading(inJson, stream())];
  let told = new Map<string, number>();
  const together = (pieces: readonly WordPiece[]): WordPiece => {
    const ready = Math.min(...pieces.map((piece) => piece.ready));
    const spans: Span[] = [];
    for (const span of pieces.flatMap((piece) => piece.spans)) {
      const key = `${span.start} ${span.end} ${span.category} ${span.word}`;
      if (told.has(key)) continue;
      spans.push(span);
      told.set(key, span.start);
    }
    told = new Map([...told].filter(([, start]) => start >= ready)); // those before it every reading has told
    return { ready, spans: spans.sort(byPlace) };
  };
  return {
    push: (chunk) => together(readings.map((reading) => reading.push(chunk))),
    end: () => together(readings.map((reading) => reading.end())),
  };
}

/** One way to read escapes. */
class Reading implements WordStream {
  readonly #escape: RegExp;
  readonly #plain: WordStream;
  /** The end of the text, as long as it may become an escape. */
  #open = "";
  /** How far plain text and written text have come, behind the last escapes: places between them are as far apart in both. */
  #joints = [{ plain: 0, written: 0 }];
  #numPlain = 0;
  #numWritten = 0;

  constructor(pattern: RegExp, plain: WordStream) {
    this.#escape = pattern;
    this.#plain = plain;
  }

  push(chunk: string): WordPiece {
    const text = this.#open + chunk;
    let plain = "";
    let at = 0;
    for (const { index, 0: sign } of text.matchAll(this.#escape)) {
      plain += this.#take(text.slice(at, index), index - at);
      plain += this.#take(meaning(sign), sign.length);
      this.#joints.push({ plain: this.#numPlain, written: this.#numWritten });
      at = index + sign.length;
    }
    const rest = text.slice(at);
    const end = open.exec(rest)?.index ?? rest.length;
    this.#open = rest.slice(end);
    plain += this.#take(rest.slice(0, end), end);
    return this.#placed(this.#plain.push(plain));
  }

  /** What did not become an escape is text. */
  end(): WordPiece {
    const { spans } = this.#placed(this.#plain.push(this.#take(this.#open, this.#open.length)));
    const last = this.#placed(this.#plain.end());
    return { ready: last.ready, spans: [...spans, ...last.spans] };
  }

  #take(plain: string, numWritten: number): string {
    this.#numPlain += plain.length;
    this.#numWritten += numWritten;
    return plain;
  }

  #placed({ ready, spans }: WordPiece): WordPiece {
    const placed = spans.map((span) => ({ ...span, start: this.#place(span.start), end: this.#place(span.end) }));
    const piece = { ready: this.#place(ready), spans: placed };
    this.#joints = this.#joints.slice(this.#jointBefore(ready));
    return piece;
  }

  #place(plain: number): number {
    const joint = this.#joints[this.#jointBefore(plain)]!;
    return joint.written + plain - joint.plain;
  }

  /** The last one at or before a place: there may be as many as characters, and as many places asked for. */
  #jointBefore(plain: number): number {
    return Math.max(0, countWhile(this.#joints, (joint) => joint.plain <= plain) - 1);
  }
}

function meaning(sign: string): string {
  if (sign[1] === "u") return String.fromCharCode(Number.parseInt(sign.slice(2), 16));
  return letters[sign[1]!] ?? sign[1]!;
}

function byPlace(a: Span, b: Span): number {
  return a.start - b.start || b.end - a.end;
}
