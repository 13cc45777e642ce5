/**
 * What a model thinks before it answers, told apart from its answer: it stands between <think> and </think>, or only its end is
 * written, where the prompt has opened it. A stream gives the same as the whole text; whitespace around both parts is left out.
 */

export interface ReasonedText {
  readonly reasoning: string;
  readonly content: string;
}

export const opening = "<think>";
export const closing = "</think>";

/** As OpenAI's API names them. */
export const reasoningEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
export type ReasoningEffort = (typeof reasoningEfforts)[number];

/** What a chat template makes of its model: one that thinks as a request says, or whenever it answers. */
export type Thinking = "hybrid" | "always";

/** @returns undefined for the template of a model that does not think. */
export function thinkingOf(chatTemplate = ""): Thinking | undefined {
  if (/\benable_thinking\b/.test(chatTemplate)) return "hybrid";
  return chatTemplate.includes(opening) || chatTemplate.includes(closing) ? "always" : undefined;
}

/** Where an answer begins: inside of a thought that the prompt has opened, or where the model may open one. */
export type ReasoningStart = "opened" | "possible";

/**
 * @param prompt as it was rendered
 * @param begun the text that the answer continues, where it does
 * @returns undefined where the answer has no thoughts: the prompt has closed them, or the model has none.
 */
export function reasoningStart(prompt: string, thinking: Thinking | undefined, begun = ""): ReasoningStart | undefined {
  if (!thinking) return undefined;
  if (begun !== "") return begun.lastIndexOf(opening) > begun.lastIndexOf(closing) ? "opened" : undefined;
  const end = prompt.trimEnd();
  if (end.endsWith(opening)) return "opened";
  return end.endsWith(closing) ? undefined : "possible";
}

export class ReasoningParser {
  readonly #isOpened: boolean;
  #part: "start" | "reasoning" | "gap" | "content" = "start";
  /** What may turn out to be a tag, or whitespace that is left out before one. */
  #held = "";
  /** Whether the thought has any text yet. */
  #isBegun = false;

  /** @param isOpened whether the prompt has opened the thought. */
  constructor(isOpened: boolean) {
    this.#isOpened = isOpened;
  }

  /** Undefined: the text so far does not tell. */
  get isThinking(): boolean | undefined {
    if (this.#part === "start") return this.#isOpened || undefined;
    return this.#part === "reasoning";
  }

  /** Takes the next piece; returns what of both parts is certain by now. */
  push(piece: string): ReasonedText {
    this.#held += piece;
    if (this.#part === "start") this.#start();
    const reasoning = this.#part === "reasoning" ? this.#reasoning() : "";
    return { reasoning, content: this.#content() };
  }

  /** The rest at the end of the stream: half a tag is text. */
  flush(): ReasonedText {
    const isThinking = this.#part === "reasoning" || (this.#part === "start" && this.#isOpened);
    const rest = this.#take(this.#held.length);
    if (isThinking) return { reasoning: rest.trimEnd(), content: "" };
    return { reasoning: "", content: this.#part === "gap" ? "" : rest };
  }

  /** The tag may be written also where the prompt has opened the thought. */
  #start(): void {
    const text = this.#held.trimStart();
    if (opening.startsWith(text)) return; // not certain yet; or nothing but whitespace
    if (text.startsWith(opening)) this.#held = text.slice(opening.length);
    else if (!this.#isOpened) {
      this.#part = "content"; // an answer without thoughts, as it is
      return;
    }
    this.#part = "reasoning";
  }

  #reasoning(): string {
    if (!this.#isBegun) this.#held = this.#held.trimStart();
    const end = this.#held.indexOf(closing);
    const length = end >= 0 ? end : this.#held.length - overlap(this.#held);
    const certain = this.#held.slice(0, length).trimEnd();
    if (certain !== "") this.#isBegun = true;
    if (end >= 0) {
      this.#part = "gap";
      this.#take(end + closing.length);
    } else this.#take(certain.length);
    return certain;
  }

  #content(): string {
    if (this.#part === "gap") {
      this.#held = this.#held.trimStart();
      if (this.#held !== "") this.#part = "content";
    }
    return this.#part === "content" ? this.#take(this.#held.length) : "";
  }

  #take(length: number): string {
    const taken = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return taken;
  }
}

/** Characters at the end that may be the first ones of the closing tag. */
function overlap(text: string): number {
  let length = closing.length - 1;
  while (length > 0 && !text.endsWith(closing.slice(0, length))) length--;
  return length;
}
