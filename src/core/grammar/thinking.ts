/**
 * Thoughts before an answer: free up to their budget, where they must close; what binds the answer begins behind them. Models write
 * a blank line there, which is neither of the two.
 */
import { OcellusError } from "../base/index.js";
import type { Ahead, Constraint } from "../engine/index.js";
import type { Tokenizer } from "../tokenizer/index.js";

export interface Thoughts {
  /** Whether the prompt has opened them; else the model may. */
  readonly isOpened: boolean;
  /** Most tokens of them. */
  readonly budget?: number | undefined;
}

interface ThinkingTokens {
  readonly open: number | undefined;
  readonly close: number;
  readonly gap: number | undefined;
}

/**
 * What makes a constraint for each answer that may begin with thoughts; undefined where nothing binds either part.
 * @throws `unsupported` for a vocabulary in which the end of thoughts is no token.
 */
export function behindThoughts(
  answer: (() => Constraint) | undefined,
  thoughts: Thoughts,
  tokenizer: Tokenizer,
): (() => Constraint) | undefined {
  if (!answer && thoughts.budget === undefined) return undefined;
  const tokens = thinkingTokens(tokenizer);
  return () => new ThinkingConstraint(thoughts, tokens, answer?.());
}

function thinkingTokens(tokenizer: Tokenizer): ThinkingTokens {
  const close = tokenizer.tokenId("</think>");
  if (close === undefined)
    throw new OcellusError(
      "unsupported",
      "the model thinks before it answers, and its vocabulary has no token </think>: no schema, tools or budget can " +
        "bind its answer; turn thinking off, or ask without them",
      { details: { token: "</think>" } },
    );
  const gap = tokenizer.encode("\n\n");
  return { open: tokenizer.tokenId("<think>"), close, gap: gap.length === 1 ? gap[0] : undefined };
}

export class ThinkingConstraint implements Constraint {
  readonly #tokens: ThinkingTokens;
  readonly #answer: Constraint | undefined;
  readonly #budget: number;
  #part: "start" | "thoughts" | "gap" | "answer";
  #numThoughts = 0;

  constructor({ isOpened, budget }: Thoughts, tokens: ThinkingTokens, answer: Constraint | undefined) {
    this.#tokens = tokens;
    this.#answer = answer;
    this.#budget = budget ?? Number.POSITIVE_INFINITY;
    this.#part = isOpened ? "thoughts" : "start";
  }

  get mayEnd(): boolean {
    return !this.#mustClose && (this.#answer?.mayEnd ?? true);
  }

  get isAside(): boolean {
    return this.#part === "thoughts";
  }

  allow(logits: Float32Array): void {
    if (this.#mustClose) {
      const close = logits[this.#tokens.close]!;
      logits.fill(Number.NEGATIVE_INFINITY);
      logits[this.#tokens.close] = close;
    } else if (this.#part !== "thoughts") this.#allowAnswer(logits, this.#another());
  }

  accept(tokenId: number): void {
    const { open, close, gap } = this.#tokens;
    if (this.#part === "thoughts") {
      this.#numThoughts++;
      if (tokenId === close) this.#part = "gap";
    } else if (this.#part === "start" && tokenId === open) this.#part = "thoughts";
    else {
      const isGap = this.#part === "gap" && tokenId === gap;
      this.#part = "answer";
      if (!isGap) this.#answer?.accept(tokenId);
    }
  }

  ahead(most: number): Ahead {
    if (this.#mustClose) return { forced: [this.#tokens.close].slice(0, most), spelled: [] };
    return (this.#part === "answer" && this.#answer?.ahead?.(most)) || { forced: [], spelled: [] };
  }

  /** Thoughts up to their end; where the answer begins, none: that is for the answer to say when it has begun. */
  numAllowed(tokens: readonly number[]): number {
    if (this.#part === "answer") return this.#answer?.numAllowed?.(tokens) ?? tokens.length;
    if (this.#part !== "thoughts" || this.#mustClose) return 0;
    const closing = tokens.indexOf(this.#tokens.close);
    return Math.min(closing < 0 ? tokens.length : closing + 1, this.#budget - this.#numThoughts);
  }

  get #mustClose(): boolean {
    return this.#part === "thoughts" && this.#numThoughts >= this.#budget;
  }

  /** A token that may come beside those of the answer. */
  #another(): number | undefined {
    if (this.#part === "start") return this.#tokens.open;
    return this.#part === "gap" ? this.#tokens.gap : undefined;
  }

  #allowAnswer(logits: Float32Array, another: number | undefined): void {
    const kept = another === undefined ? 0 : logits[another]!;
    this.#answer?.allow(logits);
    if (another !== undefined) logits[another] = kept;
  }
}
