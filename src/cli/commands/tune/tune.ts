/** `ocellus tune …`: teach a model your images. */
import type { Command } from "commander";
import type { Terminal } from "../../ui/terminal.js";
import { addTuneHeadCommand } from "./tune-head.js";

export function addTuneCommand(program: Command, terminal: Terminal): void {
  const tune = program.command("tune").description("teach a model your images").helpCommand(false);
  addTuneHeadCommand(tune, terminal);
}
