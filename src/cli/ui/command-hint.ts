/** What to try after an unknown command: the place of a nested command of that name, or ours for what other tools say. */
import { type Command, CommanderError } from "commander";

/** Other tools' words, and words for what our options do. */
const synonyms: Readonly<Record<string, string>> = {
  ...{ ls: "list", models: "list", cache: "list", delete: "rm", remove: "rm", download: "pull", run: "ask" },
  ...{ config: "serve --print-config", who: "requests show", version: "--version" },
};

/** `ocellus deploy` → the same error, with "(Did you mean rollout deploy?)" in place of commander's guess. */
export async function withCommandHint(
  error: unknown,
  wholeProgram: () => Promise<Command>,
  argv: readonly string[],
): Promise<unknown> {
  if (!(error instanceof CommanderError) || error.code !== "commander.unknownCommand") return error;
  const [message, word = ""] = /unknown command '([^']*)'/.exec(error.message) ?? [error.message];
  const better = synonyms[word] ?? (argv.includes(word) ? placeOf(word, await wholeProgram()) : undefined);
  if (better === undefined) return error;
  return new CommanderError(error.exitCode, error.code, `error: ${message} (Did you mean ${better}?)`);
}

function placeOf(word: string, { commands }: Command, path: readonly string[] = []): string | undefined {
  for (const command of commands) {
    const here = [...path, command.name()];
    const found = command.name() === word ? here.join(" ") : placeOf(word, command, here);
    if (found !== undefined) return found;
  }
  return undefined;
}
