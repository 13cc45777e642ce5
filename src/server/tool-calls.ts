/**
 * Tool calls in a stream of text, as the templates of Qwen and Hermes ask models to write them:
 *   <tool_call>{"name": …, "arguments": {…}}</tool_call>
 * Text that might be the beginning of a call is held back; a block that is no such JSON is text after all.
 */
import { z } from "zod";
import { type JsonLimits, memberTexts, parseJson } from "../core/base/index.js";

const opening = "<tool_call>";
const closing = "</tool_call>";

export interface ParsedCall {
  readonly name: string;
  /** JSON, as OpenAI's clients expect it. */
  readonly arguments: string;
}

export interface ParsedText {
  readonly text: string;
  readonly calls: readonly ParsedCall[];
}

const callSchema = z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()).optional() });

export class ToolCallParser {
  /** Text that is not decided yet: white space before a possible call, and what may be one. */
  #held = "";

  push(piece: string): ParsedText {
    this.#held += piece;
    let text = "";
    const calls: ParsedCall[] = [];
    for (;;) {
      const start = this.#held.indexOf(opening);
      const end = start < 0 ? -1 : this.#held.indexOf(closing, start);
      if (end < 0) {
        text += this.#release(start < 0 ? this.#held.length - partOfOpening(this.#held) : start);
        return { text, calls };
      }
      const call = parseCall(this.#held.slice(start + opening.length, end));
      if (call) {
        text += this.#held.slice(0, start).trimEnd(); // the line break before a call belongs to the call
        calls.push(call);
      } else text += this.#held.slice(0, end + closing.length);
      this.#held = this.#held.slice(end + closing.length);
    }
  }

  /** The answer has ended: what was held back is text; white space after a call is nothing. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest.trim() === "" ? "" : rest;
  }

  /** Gives out the text before `until`, less the white space that may belong to a call. */
  #release(until: number): string {
    const certain = this.#held.slice(0, until).trimEnd();
    this.#held = this.#held.slice(certain.length);
    return certain;
  }
}

/** Length of the end of `text` that may be the beginning of a call. */
function partOfOpening(text: string): number {
  for (let length = Math.min(text.length, opening.length - 1); length > 0; length--) {
    if (text.endsWith(opening.slice(0, length))) return length;
  }
  return 0;
}

/** Of what one call may hold; a model's answer has some thousand tokens. */
const callLimits: JsonLimits = { maxDepth: 64, maxValues: 2 ** 16, maxKeys: 2 ** 16 };

/** The arguments are the model's own text: its digits, its order, its spelling. */
function parseCall(json: string): ParsedCall | undefined {
  try {
    const call = callSchema.parse(parseJson(json, callLimits));
    return { name: call.name, arguments: memberTexts(json, callLimits).get("arguments") ?? "{}" };
  } catch {
    return undefined;
  }
}
