/**
 * A prompt that ends with the text of its last message, for the model to continue: a mark behind that text says where the template
 * put it, and all behind the mark is cut off. As transformers' `continue_final_message`. [render_jinja_template]
 */
import { OcellusError } from "../base/index.js";
import type { TemplateMessage } from "./messages.js";

/** With a space, by which one sees whether the template trims texts. */
const mark = "CONTINUED_HERE ";

/** @throws `invalid_request` unless the last message is an assistant's and has a text. */
export function continued(messages: readonly TemplateMessage[]): { shown: TemplateMessage[]; begun: string } {
  const last = messages.at(-1)!;
  const begun = textOf(last);
  if (last.role !== "assistant" || begun.trim() === "")
    throw new OcellusError(
      "invalid_request",
      "continueFinalMessage: expected an assistant's message with a text at the end of the conversation",
      { details: { field: "continueFinalMessage", found: last.role } },
    );
  return { shown: [...messages.slice(0, -1), { ...last, content: begun + mark }], begun };
}

function textOf({ content }: TemplateMessage): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** @throws `unsupported` where the template leaves the message out. */
export function upToMark(rendered: string): string {
  const at = rendered.lastIndexOf(mark.trim());
  if (at < 0)
    throw new OcellusError(
      "unsupported",
      "continueFinalMessage: the chat template of this model does not write the last message as it is",
      { details: { field: "continueFinalMessage" } },
    );
  const before = rendered.slice(0, at);
  return rendered.startsWith(mark, at) ? before : before.trimEnd();
}
