/** What is known of an answer's form before it is written: from the options that ask for JSON and offer tools. */
import type { ChatOptions } from "../core/runtime/index.js";
import type { AnswerForm } from "./layout.js";

export function answerForm({ responseFormat, tools = [], toolConstraint }: ChatOptions): AnswerForm {
  let known: Set<string> | undefined; // read only once a name in an answer is to be cut
  return {
    isJson: responseFormat !== undefined && responseFormat.type !== "text",
    hasToolCalls: tools.length > 0 || toolConstraint !== undefined,
    isKnownName(name) {
      known ??= stringsIn([responseFormat, tools, toolConstraint]);
      return known.has(name);
    },
  };
}

/** Names and strings at any depth: those of schemas and tools are the caller's own. */
function stringsIn(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value === "string") found.add(value);
  if (typeof value !== "object" || value === null) return found;
  for (const [name, inner] of Object.entries(value)) stringsIn(inner, found.add(name));
  return found;
}
