/** `ocellus rollout …`: publish versions of models, and decide which of them an alias serves. */
import type { Command } from "commander";
import type { Terminal } from "../../ui/terminal.js";
import { addDeployCommands } from "./deploy.js";
import { addPublishCommand } from "./publish.js";
import { addVersionsCommand } from "./versions.js";

const walkthrough = `
From a folder to all users:
  ocellus rollout publish ./tuned --tag v1.1.0
  ocellus rollout canary prod v1.1.0      5 % of the users, then 25, 50 and 100 % while its answers allow it
  ocellus rollout rollback prod           return to the version before, at any time
  ocellus serve --registry ./registry     serve what the aliases point at`;

export function addRolloutCommand(program: Command, terminal: Terminal): void {
  const rollout = program
    .command("rollout")
    .description("publish versions of models, deploy them, try them as canaries, roll back")
    .helpCommand(false)
    .addHelpText("after", walkthrough);
  rollout.commandsGroup("Versions:");
  addPublishCommand(rollout, terminal);
  addVersionsCommand(rollout, terminal);
  rollout.commandsGroup("Aliases:");
  addDeployCommands(rollout, terminal);
}
