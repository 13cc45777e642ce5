/**
 * The script of the process that renders one chat template, which a stranger may have written. Messages come as JSON
 * text: its reader keeps what a copy between processes would lose, such as the order of number-like keys. See
 * runtime/text-workers.ts.
 */
import { OcellusError, parseJson } from "../base/index.js";
import { serve } from "../worker/index.js";
import { compileTemplate, type RenderTemplate, type TemplateVariables } from "./chat-template.js";
import type { TemplateMessage } from "./messages.js";

export interface TemplateData {
  readonly chatTemplate: string;
}

/** A context of 262,144 tokens, the longest of our families, at 64 characters each: more fits nowhere. */
const maxRendered = 2 ** 24;
/** What comes here was within the bounds of a request. */
const jsonLimits = { maxDepth: 2 ** 10, maxValues: 2 ** 24, maxKeys: 2 ** 24 };

function methodsOf({ chatTemplate }: TemplateData) {
  let template: RenderTemplate | undefined;
  const compile = () => {
    template ??= compileTemplate(chatTemplate);
    return template;
  };
  return {
    compile: () => void compile(),
    render(json: string): string {
      const { messages, variables } = parseJson(json, jsonLimits) as {
        readonly messages: readonly TemplateMessage[];
        readonly variables: TemplateVariables;
      };
      const text = compile()(messages, variables);
      if (text.length <= maxRendered) return text;
      throw new OcellusError(
        "too_large",
        `the chat template wrote ${text.length} characters, at most ${maxRendered} are taken; shorten the messages`,
        { details: { numCharacters: text.length, maxCharacters: maxRendered } },
      );
    },
  };
}
export type TemplateMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);
