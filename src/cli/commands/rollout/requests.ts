/** `ocellus requests show ID`: which version answered a request, and why. */
import type { Command } from "commander";
import { OcellusError, printable } from "../../../core/base/index.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { addRegistryOptions, type RegistryFlags, withRegistry } from "./registry.js";

export function addRequestsCommand(program: Command, terminal: Terminal): void {
  const requests = program.command("requests").description("look up answered requests").helpCommand(false);
  addRegistryOptions(requests.command("show"))
    .description("show which version answered a request, and why")
    .argument("<request-id>", "x-request-id of the response, or of the request")
    .action((id: string, _local: unknown, command: Command) => show(id, command.optsWithGlobals(), terminal));
}

async function show(id: string, flags: RegistryFlags, terminal: Terminal): Promise<void> {
  await withRegistry(flags, async (registry) => {
    const found = await registry.answers.find(id);
    if (!found)
      throw new OcellusError("not_found", `no answer to request ${id} is recorded; records are kept for 30 days`);
    const mirrored = await registry.answers.findMirrored(found.requestId);
    if (flags.json) return printJson(terminal, { ...found, ...(mirrored.length > 0 && { mirrored }) });
    for (const { at, model, tag, role, reason } of [found, ...mirrored])
      printLine(terminal, printable(`${new Date(at).toISOString()}  ${model} → ${tag} (${role}: ${reason})`));
  });
}
