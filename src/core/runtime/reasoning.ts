/**
 * What a model thinks before it answers, told apart from its answer: it stands between <think> and </think>, or only its end is
 * written, where the prompt has opened it. A stream gives the same as the whole text; whitespace around both parts is left out.
 */

export interface ReasonedText {
  readonly reasoning: string;
  readonly content: string;
}

const opening = "<think>";
const closing = "</think>";

/** Whether a rendered prompt ends inside of a thought, so that the answer begins there. */
export function opensReasoning(prompt: string): boolean {
  return prompt.trimEnd().endsWith(opening);
}

/** @param isOpened `opensReasoning` of the prompt. */
export function splitReasoning(text: string, isOpened: boolean): ReasonedText {
  const parser = new ReasoningParser(isOpened);
  const [most, rest] = [parser.push(text), parser.flush()];
  return { reasoning: most.reasoning + rest.reasoning, content: most.content + rest.content };
}

export class ReasoningParser {
  readonly #isOpened: boolean;
  #part: "start" | "reasoning" | "gap" | "content" = "start";
  /** What may turn out to be a tag, or whitespace that is left out before one. */
  #held = "";
  /** Whether the thought has any text yet. */
  #isBegun = false;

  constructor(isOpened: boolean) {
    this.#isOpened = isOpened;
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
