/**
 * The bundled demo model with a chat template that knows tools, as Qwen's do. The weights never saw a tool: what is tested
 * with it is the way of tools through templates, grammar and wire, not the model's judgement.
 */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadModel } from "../../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./folders.js";

const opening = `{%- if tools %}
{{- '<|im_start|>system\\nTools:' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
`;
const calls = `{%- for call in message.tool_calls or [] %}
{{- '<tool_call>\\n' + (call.function | tojson) + '\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>`;

export function loadTinyWithTools(options: Parameters<typeof loadModel>[1] = {}) {
  const source = join(repository, "checkpoints/ocellus-tiny");
  const folder = temporaryFolder();
  for (const name of readdirSync(source))
    if (name !== "tokenizer_config.json") copyFileSync(join(source, name), join(folder, name));
  const config = JSON.parse(readFileSync(join(source, "tokenizer_config.json"), "utf8")) as { chat_template: string };
  const chat_template = opening + config.chat_template.replace("{{- '<|im_end|>", calls);
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify({ ...config, chat_template }));
  return loadModel(folder, { weights: "fp32", threads: 1, ...options });
}
