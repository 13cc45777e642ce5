/**
 * Which form of `content` a chat template takes, role by role: a string, a list of parts, or both. Published templates differ
 * (the official Qwen3 one knows strings only, SmolVLM's lists only, Llama 3.2's strings for the system and lists for the
 * user), and given the wrong one a template fails or writes raw JSON into the prompt. Found once per template, by
 * rendering short conversations with marked words and looking where the words arrive.
 */
import { OcellusError } from "../base/index.js";
import type { TemplateMessage, TemplatePart } from "./messages.js";

type Form = "string" | "list";
type Role = TemplateMessage["role"];

/** The forms that work; both, or none where the template refuses the role, leaves content as it is written. */
export type ContentForms = Readonly<Record<Role, readonly Form[]>>;

/** No template changes their case or spelling. */
const marks = ["ocellusmarkone", "ocellusmarktwo"] as const;

const content: Readonly<Record<Form, TemplateMessage["content"]>> = {
  string: marks.join(""),
  list: marks.map((text) => ({ type: "text", text })),
};

const hello: TemplateMessage = { role: "user", content: marks.join("").replaceAll("mark", "other") };
/** Nine letters: Mistral's templates take no other ids. */
const toolCall = { id: "abcdefghi", type: "function", function: { name: "look", arguments: {} } } as const;

/** Around a message of each role, what templates expect: turns alternate, a tool answers a call. */
const conversations: Readonly<Record<Role, (message: TemplateMessage, others: Form) => readonly TemplateMessage[]>> = {
  system: (message, form) => [message, other("user", form)],
  user: (message) => [message],
  assistant: (message, form) => [other("user", form), message, other("user", form)],
  tool: (message, form) => [
    other("user", form),
    { ...other("assistant", form), tool_calls: [toolCall] },
    { ...message, tool_call_id: toolCall.id },
  ],
};

function other(role: Role, form: Form): TemplateMessage {
  const words = hello.content as string;
  return { role, content: form === "string" ? words : [{ type: "text", text: words }] };
}

export function findContentForms(render: (messages: readonly TemplateMessage[]) => string): ContentForms {
  const takes = (role: Role, form: Form, others: readonly Form[]) =>
    others.some((otherForm) => {
      try {
        return arrives(render(conversations[role]({ role, content: content[form] }, otherForm)));
      } catch {
        return false; // the template refuses it
      }
    });
  const formsOf = (role: Role, others: readonly Form[]) =>
    (["string", "list"] as const).filter((form) => takes(role, form, others));
  const user = formsOf("user", ["string"]);
  const others = user.length > 0 ? user : (["string", "list"] as const);
  return {
    user,
    system: formsOf("system", others),
    assistant: formsOf("assistant", others),
    tool: formsOf("tool", others),
  };
}

/** Whether both words are in the prompt, and not as JSON or Python would spell their part. */
function arrives(prompt: string): boolean {
  return marks.every((mark) => prompt.includes(mark) && !new RegExp(`["']text["']:\\s*["']${mark}`).test(prompt));
}

/** @throws `unsupported` for a picture where the template takes strings only. */
export function inForm(message: TemplateMessage, index: number, forms: ContentForms): TemplateMessage {
  const [form, further] = forms[message.role];
  if (form === undefined || further !== undefined) return message;
  return { ...message, content: form === "list" ? asList(message.content) : asString(message, index) };
}

function asList(content: TemplateMessage["content"]): readonly TemplatePart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function asString({ role, content }: TemplateMessage, index: number): string {
  if (typeof content === "string") return content;
  return content
    .map((part) => {
      if (part.type === "text") return part.text;
      throw new OcellusError(
        "unsupported",
        `message ${index + 1}: the chat template takes words only in messages of the role "${role}", found ${part.type === "image" ? "an image" : "a video"}; send it in another message`,
        { details: { message: index + 1, role, type: part.type } },
      );
    })
    .join("");
}
