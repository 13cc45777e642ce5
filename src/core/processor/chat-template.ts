/**
 * The checkpoint's own Jinja template: messages → prompt text, with one placeholder for each picture. It is a program of the
 * checkpoint's author, and here it runs without limits: where checkpoints of strangers are opened, a process runs
 * this within limits of time and memory (template-worker.ts).
 */
import { Template } from "@huggingface/jinja";
import { OcellusError } from "../base/index.js";
import { type ContentForms, findContentForms, inForm } from "./content-forms.js";
import { ExactValues } from "./exact-values.js";
import type { TemplateMessage } from "./messages.js";

export type TemplateVariables = Readonly<Record<string, unknown>>;

/** @throws `invalid_request` what the template refuses, `unsupported`. */
export type RenderTemplate = (messages: readonly TemplateMessage[], variables: TemplateVariables) => string;

/** The longest published templates have some 30,000 characters. */
const maxTemplateLength = 2 ** 20;

/** @throws `invalid_config` when there is no template, or it cannot be parsed. */
export function compileTemplate(source: string | undefined): RenderTemplate {
  const template = parseTemplate(checkTemplate(source));
  let forms: ContentForms | undefined;
  return (messages, variables) => {
    forms ??= findContentForms((probe) => template.render({ ...variables, tools: undefined, messages: probe }));
    const found = forms;
    const inForms = messages.map((message, i) => inForm(message, i, found));
    const exact = new ExactValues();
    try {
      return exact.restore(template.render(exact.show({ ...variables, messages: inForms })));
    } catch (cause) {
      throw new OcellusError(
        "invalid_request",
        `the checkpoint's chat template refused these messages: ${reasonOf(cause)}`,
        { details: { reason: reasonOf(cause) }, cause },
      );
    }
  };
}

/** @throws `invalid_config` when there is no template, or one that is longer than any. */
export function checkTemplate(source: string | undefined): string {
  if (source === undefined || source.trim() === "")
    throw new OcellusError(
      "invalid_config",
      "the checkpoint has no chat template: expected chat_template.jinja, or chat_template in tokenizer_config.json",
      { details: { missing: "chat template" } },
    );
  if (source.length <= maxTemplateLength) return source;
  throw new OcellusError(
    "invalid_config",
    `the chat template has ${source.length} characters, at most ${maxTemplateLength} are accepted; compare it with the original`,
    { details: { numCharacters: source.length, maxCharacters: maxTemplateLength } },
  );
}

function parseTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    throw new OcellusError("invalid_config", `the chat template cannot be parsed: ${reasonOf(cause)}`, {
      details: { reason: reasonOf(cause) },
      cause,
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
