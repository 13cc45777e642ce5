/** `ocellus tune …`: teach a model your images. */
import type { Command } from "commander";
import type { Terminal } from "../../ui/terminal.js";
import { addTuneHeadCommand } from "./tune-head.js";
import { addTuneVisionCommand } from "./tune-vision.js";

export function addTuneCommand(program: Command, terminal: Terminal): void {
  const tune = program.command("tune").description("teach a model your images").helpCommand(false);
  for (const add of [addTuneHeadCommand, addTuneVisionCommand]) add(tune, terminal);
}
