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
  /** Text that may be shown: every span that touches it has been told, with it or before. */
  readonly ready: string;
  /** In UTF-16 units of the whole stream; each is told once. */
  readonly spans: Span[];
}

export interface WordStream {
  push(chunk: string): WordPiece;
  /** The rest. The stream must not be used after it. */
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
      const spans: Span[] = [];
      for (let at = 0; at < text.length; at += pieceLength) spans.push(...stream.push(text.slice(at, at + pieceLength)).spans);
      return [...spans, ...stream.end().spans];
    },
    stream: () => new Stream(compiled),
  };
}

class Stream implements WordStream {
  readonly #scanner: Scanner;
  /** What was read and not yet shown. */
  #text = "";
  #shown = 0;

  constructor(compiled: Compiled) {
    this.#scanner = new Scanner(compiled);
  }

  push(chunk: string): WordPiece {
    const numRead = this.#scanner.position - this.#shown;
    this.#text += chunk;
    this.#scanner.read(this.#text.slice(numRead));
    return this.#release(this.#scanner.held());
  }

  end(): WordPiece {
    this.#scanner.end();
    return this.#release(Number.POSITIVE_INFINITY);
  }

  #release(held: number): WordPiece {
    const spans = this.#scanner.take(held);
    const ready = this.#text.slice(0, held - this.#shown);
    this.#text = this.#text.slice(ready.length);
    this.#shown += ready.length;
    return { ready, spans };
  }
}
