/**
 * An answer's text as it is decoded, in two parts: what the model thinks, and what it answers; each token goes with the part that
 * it was written for, tags included. What an answer without thoughts writes is all answer.
 */
import { type ReasonedText, ReasoningParser, type ReasoningStart } from "./reasoning.js";

/** Text that has become certain, and the tokens whose text is. */
export interface Part<T> {
  readonly text: string;
  readonly tokens: readonly T[];
}

export interface Parts<T> {
  readonly reasoning: Part<T>;
  readonly content: Part<T>;
}

const nothing: Part<never> = { text: "", tokens: [] };

export class AnswerParts<T> {
  readonly #parser: ReasoningParser | undefined;
  #held: T[] = [];
  /** Of the thoughts. */
  numTokens = 0;

  constructor(start: ReasoningStart | undefined) {
    this.#parser = start && new ReasoningParser(start === "opened");
  }

  push(piece: string, token: T): Parts<T> {
    this.#held.push(token);
    return this.#split(piece, (parser) => parser.push(piece));
  }

  /** The end of the answer: the decoder's last piece. */
  end(piece: string): Parts<T> {
    const parts = this.#split(piece, (parser) => {
      const [most, rest] = [parser.push(piece), parser.flush()];
      return { reasoning: most.reasoning + rest.reasoning, content: most.content + rest.content };
    });
    const undecided = this.#released();
    return { ...parts, content: { ...parts.content, tokens: [...parts.content.tokens, ...undecided] } };
  }

  #split(piece: string, split: (parser: ReasoningParser) => ReasonedText): Parts<T> {
    const parser = this.#parser;
    if (!parser) return { reasoning: nothing, content: { text: piece, tokens: this.#released() } };
    const before = parser.isThinking;
    const { reasoning, content } = split(parser);
    const isThought = before ?? (parser.isThinking === true || reasoning !== "");
    const tokens = parser.isThinking === undefined ? [] : this.#released();
    if (!isThought) return { reasoning: nothing, content: { text: content, tokens } };
    this.numTokens += tokens.length;
    return { reasoning: { text: reasoning, tokens }, content: { text: content, tokens: [] } };
  }

  #released(): T[] {
    const tokens = this.#held;
    this.#held = [];
    return tokens;
  }
}
