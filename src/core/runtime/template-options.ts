/** What a request wants of the chat template, against what the template knows: a wish that it would never see is refused. */
import { OcellusError } from "../base/index.js";
import type { ProcessOptions } from "../processor/portable.js";
import type { ChatOptions } from "./chat.js";
import type { ChatNote } from "./familiarity.js";
import { type ReasoningStart, reasoningEfforts, type Thinking, thinkingOf } from "./reasoning.js";

/** Variables that are the prompt's own: a request that set one would forge what the others say. */
const reserved = ["messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "pad_token", "unk_token"];

type Rendering = Pick<
  ProcessOptions,
  "enableThinking" | "templateVariables" | "continueFinalMessage" | "addGenerationPrompt"
>;

/** @throws `invalid_request` for a value that none may have, `unsupported` for a wish that the template does not know. */
export function renderingOf(options: ChatOptions, chatTemplate = ""): Rendering {
  const { templateVariables, continueFinalMessage, addGenerationPrompt, reasoningEffort: effort } = options;
  checkValues(options);
  for (const name of Object.keys(templateVariables ?? {})) checkVariable(name, chatTemplate);
  const thinking = thinkingOf(chatTemplate);
  const enableThinking = options.enableThinking ?? (effort && thinking ? effort !== "none" : undefined);
  checkThinking(enableThinking, thinking);
  const given = effort && effort !== "none" ? { reasoning_effort: effort, ...templateVariables } : templateVariables;
  return {
    enableThinking,
    templateVariables: given,
    continueFinalMessage,
    ...(addGenerationPrompt !== undefined && { addGenerationPrompt }),
  };
}

/** Whether an answer has thoughts is known by its prompt: about an image a model of hybrid thinking has none. */
export function budgetNotes({ thinkingBudget }: ChatOptions, start: ReasoningStart | undefined): ChatNote[] {
  if (start || thinkingBudget === undefined) return [];
  const text = `the thinking budget of ${thinkingBudget} tokens has no effect: this answer has no thoughts`;
  return [{ kind: "thinking_budget", text }];
}

function checkValues(options: ChatOptions): void {
  const { thinkingBudget: budget, reasoningEffort: effort, continueFinalMessage, addGenerationPrompt } = options;
  if (budget !== undefined && !(Number.isInteger(budget) && budget >= 0))
    throw invalid("thinking_token_budget", `thinkingBudget: expected a whole number from 0, found ${budget}`, budget);
  if (effort !== undefined && !reasoningEfforts.includes(effort))
    throw invalid(
      "reasoning_effort",
      `reasoningEffort: expected ${reasoningEfforts.join(", ")}, found ${effort}`,
      effort,
    );
  if (continueFinalMessage && addGenerationPrompt)
    throw invalid(
      "continue_final_message",
      "an answer either continues the last message or is a turn of its own: expected continueFinalMessage or " +
        "addGenerationPrompt, found both",
      true,
    );
}

function checkVariable(name: string, chatTemplate: string): void {
  const details = { param: "chat_template_kwargs", variable: name };
  if (reserved.includes(name) || !/^[A-Za-z_]\w{0,63}$/.test(name))
    throw new OcellusError("invalid_request", `the template variable ${name} cannot be set by a request`, { details });
  if (new RegExp(`\\b${name}\\b`).test(chatTemplate)) return;
  throw new OcellusError("unsupported", `the chat template of this model has no variable ${name}; leave it out`, {
    details,
  });
}

/** A wish that is fulfilled anyway is no wrong one. */
function checkThinking(enableThinking: boolean | undefined, thinking: Thinking | undefined): void {
  if (enableThinking === undefined || thinking === "hybrid" || enableThinking === (thinking === "always")) return;
  const found = thinking === "always" ? "always thinks before it answers" : "does not think before it answers";
  throw new OcellusError(
    "unsupported",
    `enableThinking: this model ${found}, and its chat template cannot change that`,
    {
      details: { param: "chat_template_kwargs", variable: "enable_thinking", thinking: thinking ?? "never" },
    },
  );
}

function invalid(param: string, message: string, found: unknown): OcellusError {
  return new OcellusError("invalid_request", message, { details: { param, found } });
}
