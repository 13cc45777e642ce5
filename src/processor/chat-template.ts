/** The checkpoint's own Jinja template: messages → prompt text, with one placeholder for each picture. */
import { Template } from "@huggingface/jinja";
import { OcellusError } from "../base/index.js";
import type { PlainMessage } from "./messages.js";

export type RenderTemplate = (
  messages: readonly PlainMessage[],
  variables: Readonly<Record<string, unknown>>,
) => string;

/** @throws `invalid_config` when there is no template, or it cannot be parsed. */
export function compileTemplate(source: string | undefined): RenderTemplate {
  if (source === undefined || source.trim() === "")
    throw new OcellusError(
      "invalid_config",
      "the checkpoint has no chat template: expected chat_template.jinja, or chat_template in tokenizer_config.json",
    );
  const template = parseTemplate(source);
  return (messages, variables) => {
    try {
      return template.render({ ...variables, messages: messages.map(plainMessage) });
    } catch (cause) {
      throw new OcellusError(
        "invalid_request",
        `the checkpoint's chat template refused these messages: ${reasonOf(cause)}`,
        { cause },
      );
    }
  };
}

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    throw new OcellusError("invalid_config", `the chat template cannot be parsed: ${reasonOf(cause)}`, { cause });
  }
}

/** Templates see that a picture or a video is there, never what it is. */
function plainMessage({ content, ...rest }: PlainMessage) {
  if (typeof content === "string") return { ...rest, content };
  return { ...rest, content: content.map((part) => (part.type === "text" ? { ...part } : { type: part.type })) };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
