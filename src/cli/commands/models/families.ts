/** `ocellus families`: the supported model types, what each can do, and published checkpoints of it. Reads no file and no network. */
import type { Command } from "commander";
import { describeFamily, type FamilyDescription, families, familyKinds } from "../../../core/models/index.js";
import type { GlobalFlags } from "../../options.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";

export function addFamiliesCommand(program: Command, terminal: Terminal): void {
  program
    .command("families")
    .description("list the supported model types, their abilities and example repositories")
    .addHelpText(
      "after",
      `
model_type is a field of a checkpoint's config.json. Abilities are those of the family: a checkpoint has the ones that it was
trained for, and tools and thinking need a chat template that knows them.

Examples:
  ocellus families
  ocellus families --json`,
    )
    .action((_local: unknown, command: Command) => listFamilies(command.optsWithGlobals(), terminal));
}

function listFamilies(flags: GlobalFlags, terminal: Terminal): void {
  const described = families.map(describeFamily);
  if (flags.json) printJson(terminal, described);
  else printLine(terminal, listText(described, terminal));
}

function listText(described: readonly FamilyDescription[], terminal: Terminal): string {
  const { bold } = coloursFor(terminal.stdout);
  const sections = Object.entries(familyKinds).map(([kind, title]) => {
    const members = described.filter((family) => family.kind === kind);
    const heading = title[0]!.toUpperCase() + title.slice(1);
    return [bold(heading), ...members.map((each) => familyText(each, terminal))].join("\n");
  });
  return sections.join("\n\n");
}

function familyText({ modelType, title, abilities, repositories }: FamilyDescription, terminal: Terminal): string {
  const { cyan, dim } = coloursFor(terminal.stdout);
  const able = abilities.map((ability) => ability.replaceAll("_", " ")).join(", ");
  const examples = repositories.map((repository) => `\n    ${dim(repository)}`).join("");
  return `  ${cyan(modelType)}: ${title}\n    ${able}${examples}`;
}
