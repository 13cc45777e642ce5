/**
 * How sure each field of a JSON answer is, from the probabilities that an engine elsewhere reports of its tokens. They are the
 * model's own, or those within the schema: engines differ, and do not say which (docs/engines.md).
 */
import { type Fields, fieldsOf } from "../core/grammar/index.js";
import { inTurns } from "../core/runtime/index.js";
import type { EngineToken } from "./chunk.js";

export class AnswerFields {
  readonly #tokens: EngineToken[] = [];
  /** Spellings by number: the reader of fields tells tokens apart by ids. */
  readonly #spellings: string[] = [];
  readonly #ids = new Map<string, number>();

  push(tokens: readonly EngineToken[]): void {
    this.#tokens.push(...tokens);
  }

  /**
   * @param schema of the answer; undefined for JSON of any kind
   * @param text the answer: a token that ended it, and what a stop string cut off, are no part of it
   * @param isWhole whether it ended by itself
   */
  fields(schema: unknown, text: string, isWhole: boolean): Promise<Fields> {
    const tokens = this.#tokens.map((token) => ({
      tokenId: this.#id(token),
      bytes: spelt(token),
      constrained: {
        logprob: token.logprob,
        top: token.topLogprobs.map((top) => ({ tokenId: this.#id(top), logprob: top.logprob })),
      },
    }));
    const context = { bytesOf: (id: number) => this.#spellings[id] ?? "", schema, isWhole };
    return inTurns(fieldsOf(tokens, context, { limit: Buffer.byteLength(text) }));
  }

  #id(token: Pick<EngineToken, "text" | "bytes">): number {
    const spelling = spelt(token);
    const known = this.#ids.get(spelling);
    if (known !== undefined) return known;
    this.#ids.set(spelling, this.#spellings.length);
    return this.#spellings.push(spelling) - 1;
  }
}

/** One character a byte. */
function spelt({ text, bytes }: Pick<EngineToken, "text" | "bytes">): string {
  return String.fromCharCode(...(bytes ?? Buffer.from(text)));
}
