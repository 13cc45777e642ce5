/** The words' front door: rules in, a matcher out, for a whole text or for one that comes in pieces. */
import { type Compiled, compile } from "./compile.js";
import { type FoldingOptions, foldingTables } from "./folding.js";
import type { Span, WordRule } from "./rule.js";
import { Scanner } from "./scanner.js";

/** A long text is read in pieces, so that its hits are settled as they come. */
const pieceLength = 2 ** 16;

export interface MatcherOptions extends FoldingOptions {
  /** Words and phrases within which nothing is found; written and compared as the rules are. */
  readonly allow?: readonly string[];
}

export interface WordMatcher {
  /** Every place, first ones first; places may overlap. */
  find(text: string): Span[];
  stream(): WordStream;
}

export interface WordPiece {
  /** The stream's text before this may be shown: every span that begins there has been told, now or before. */
  readonly ready: number;
  /** In UTF-16 units of the whole stream; each is told once. */
  readonly spans: Span[];
}

export interface WordStream {
  push(chunk: string): WordPiece;
  /** The stream must not be used after it. */
  end(): WordPiece;
}

/**
 * 60,000 words take about a second. Each folding is on unless its switch is false (docs/guards-words.md).
 * @throws `invalid_request` for a word that holds nothing to compare, or too much
 */
export function buildMatcher(rules: readonly WordRule[], options: MatcherOptions = {}): WordMatcher {
  const compiled = compile(rules, options.allow ?? [], foldingTables(options));
  return {
    find: (text) => {
      const stream = new Stream(compiled);
      const spans: Span[][] = [];
      for (let at = 0; at < text.length; at += pieceLength)
        spans.push(stream.push(text.slice(at, at + pieceLength)).spans);
      return [...spans.flat(), ...stream.end().spans];
    },
    stream: () => new Stream(compiled),
  };
}

class Stream implements WordStream {
  readonly #scanner: Scanner;
  /** Half of a surrogate pair, until the other comes. */
  #unread = "";

  constructor(compiled: Compiled) {
    this.#scanner = new Scanner(compiled);
  }

  push(chunk: string): WordPiece {
    const text = this.#unread + chunk;
    const from = this.#scanner.position;
    this.#scanner.read(text);
    this.#unread = text.slice(this.#scanner.position - from);
    const ready = this.#scanner.held();
    return { ready, spans: this.#scanner.take(ready) };
  }

  end(): WordPiece {
    this.#scanner.end();
    const ready = this.#scanner.position + this.#unread.length;
    return { ready, spans: this.#scanner.take(ready) };
  }
}
