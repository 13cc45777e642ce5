/**
 * The costly work on text, which may take as long as a stranger's template or words want: done here, or by workers, within
 * limits.
 */
import type { EncodeOptions, Tokenizer } from "../tokenizer/index.js";
import { compileTemplate, type TemplateVariables } from "./chat-template.js";
import type { TemplateMessage } from "./messages.js";

export interface TextWork {
  /** @throws `invalid_request` what the template refuses, `unsupported`, `invalid_config` beyond a limit, `aborted`. */
  render(messages: readonly TemplateMessage[], variables: TemplateVariables, signal?: AbortSignal): Promise<string>;
  /** As the tokenizer's. @throws `too_large`, `aborted`. */
  encode(text: string, options: EncodeOptions, signal?: AbortSignal): Promise<readonly number[]>;
}

/** @throws `invalid_config` when the chat template is missing or cannot be parsed. */
export function textWorkHere(tokenizer: Tokenizer, chatTemplate: string | undefined): TextWork {
  const render = compileTemplate(chatTemplate);
  return {
    render: async (messages, variables) => render(messages, variables),
    encode: async (text, options) => tokenizer.encode(text, options),
  };
}
