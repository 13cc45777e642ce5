/** One answer as it grows: the runtime's events → text, tool calls and tokens, each as it becomes certain. */
import { randomUUID } from "node:crypto";
import { invariant } from "../core/base/index.js";
import type { ChatEvent, ChatToken } from "../core/runtime/index.js";
import type { ToolCall, WireFinishReason } from "../protocol/index.js";
import type { AnswerEnd } from "../wire/index.js";
import { type ParsedText, ToolCallParser } from "./tool-calls.js";

/** What one event has added. */
export interface Delta {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly (ToolCall & { readonly index: number })[];
  readonly tokens: readonly ChatToken[];
}

export class Choice {
  readonly calls: ToolCall[] = [];
  readonly tokens: ChatToken[] = [];
  text = "";
  reasoning = "";
  #end: AnswerEnd | undefined;
  /** Tokens whose text is held back, or that have none. */
  #pending: ChatToken[] = [];
  readonly #parser: ToolCallParser | undefined;
  readonly #maxCalls: number;

  /** @param maxCalls calls beyond these are dropped; 0 reads no calls at all. */
  constructor(maxCalls: number) {
    this.#maxCalls = maxCalls;
    this.#parser = maxCalls > 0 ? new ToolCallParser() : undefined;
  }

  take(event: ChatEvent): Delta {
    if (event.type === "end") {
      this.#end = event;
      return this.#add({ text: this.#parser?.flush() ?? "", calls: [] }, []);
    }
    if (event.type === "reasoning") {
      this.reasoning += event.text;
      return { text: "", reasoning: event.text, calls: [], tokens: [] };
    }
    return this.#add(this.#parser?.push(event.text) ?? { text: event.text, calls: [] }, event.tokens);
  }

  /** Whether nothing has been said yet. */
  get isEmpty(): boolean {
    return this.text === "" && this.reasoning === "" && this.calls.length === 0;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get end(): AnswerEnd {
    invariant(this.#end, "an answer is asked for its end when it has ended");
    return this.#end;
  }

  get finishReason(): WireFinishReason {
    return this.calls.length > 0 && this.end.finishReason === "stop" ? "tool_calls" : this.end.finishReason;
  }

  #add(parsed: ParsedText, tokens: readonly ChatToken[]): Delta {
    const first = this.calls.length;
    const calls = parsed.calls.slice(0, this.#maxCalls - first).map((call, i) => ({
      index: first + i,
      id: `call_${randomUUID().replaceAll("-", "")}`,
      type: "function" as const,
      function: call,
    }));
    this.text += parsed.text;
    this.calls.push(...calls.map(({ index: _, ...call }) => call));
    this.tokens.push(...tokens);
    this.#pending.push(...tokens);
    if (parsed.text === "" && calls.length === 0 && !this.hasEnded)
      return { text: "", reasoning: "", calls, tokens: [] };
    const delta = { text: parsed.text, reasoning: "", calls, tokens: this.#pending };
    this.#pending = [];
    return delta;
  }
}
