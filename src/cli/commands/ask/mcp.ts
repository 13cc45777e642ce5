/** `ocellus mcp`: the model as tools for coding assistants. The server itself is in `mcp-server.ts`, which needs the protocol's SDK. */
import type { Command } from "commander";
import { optionalPackage } from "../../../core/base/index.js";
import { addModelOptions, type ModelFlags, weightsOption } from "../../options.js";
import type { Terminal } from "../../ui/terminal.js";
import { withModel } from "../models/open-model.js";

export function addMcpCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("mcp"))
    .description("serve ask, describe and match as tools over the Model Context Protocol (stdio)")
    .addOption(weightsOption())
    .addHelpText(
      "after",
      `
In an assistant's settings:
  {"mcpServers": {"ocellus": {"command": "npx", "args": ["ocellus", "mcp"]}}}`,
    )
    .action((_local: unknown, command: Command) => mcp(command.optsWithGlobals(), terminal));
}

async function mcp(flags: ModelFlags, terminal: Terminal): Promise<void> {
  const sdk = "@modelcontextprotocol/server";
  await optionalPackage(sdk, "ocellus mcp", () => import("@modelcontextprotocol/server"));
  const { serveMcp } = await import("./mcp-server.js");
  await withModel(flags, terminal, (model) => serveMcp(model, terminal));
}
