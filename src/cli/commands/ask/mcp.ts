/** `ocellus mcp`: the model as tools for coding assistants. The server itself is in `mcp-server.ts`, which needs the protocol's SDK. */
import type { Command } from "commander";
import { optionalPackage } from "../../../core/base/index.js";
import { ifNotInstalled, loadTextReader, type TextReader } from "../../../core/ocr/index.js";
import { embedderOf, find, type ImageEmbedder } from "../../../retrieval/index.js";
import { addModelOptions, type ModelFlags, weightsOption } from "../../options.js";
import type { Terminal } from "../../ui/terminal.js";
import { type CollectionsFlags, collectionsOption, openCollection } from "../index/collections-option.js";
import { hitJson } from "../index/index-command.js";
import { embedding, withEmbedder } from "../models/open-embedder.js";
import { withModel } from "../models/open-model.js";
import type { Search } from "./mcp-server.js";

export function addMcpCommand(program: Command, terminal: Terminal): void {
  addModelOptions(program.command("mcp"))
    .description("serve ask, describe, read, match and search as tools over the Model Context Protocol (stdio)")
    .addOption(weightsOption())
    .addOption(collectionsOption())
    .option(
      "--embedding-model <folder>",
      "model that made the vectors of the collections to search, if it is not --model",
    )
    .addHelpText(
      "after",
      `
In an assistant's settings:
  {"mcpServers": {"ocellus": {"command": "npx", "args": ["ocellus", "mcp"]}}}`,
    )
    .action((_local: unknown, command: Command) => mcp(command.optsWithGlobals(), terminal));
}

interface McpFlags extends ModelFlags, CollectionsFlags {
  readonly embeddingModel?: string;
}

async function mcp(flags: McpFlags, terminal: Terminal): Promise<void> {
  const sdk = "@modelcontextprotocol/server";
  await optionalPackage(sdk, "ocellus mcp", () => import("@modelcontextprotocol/server"));
  const { serveMcp } = await import("./mcp-server.js");
  const { embeddingModel, collections, ...answering } = flags;
  await withModel(answering, terminal, async (model) => {
    const textReader = await installedTextReader();
    const serve = (embedder: ImageEmbedder) =>
      serveMcp(model, searchWith(embedder, { collections }, terminal), textReader, terminal);
    try {
      if (embeddingModel === undefined) return await serve(embedderOf(model));
      return await withEmbedder({ ...embedding(flags), model: embeddingModel }, terminal, serve);
    } finally {
      await textReader?.close();
    }
  });
}

/** Undefined where the networks are not installed: the model reads then. */
async function installedTextReader(): Promise<TextReader | undefined> {
  return loadTextReader().catch(ifNotInstalled);
}

function searchWith(embedder: ImageEmbedder, flags: CollectionsFlags, terminal: Terminal): Search {
  return async (name, asked) => {
    const collection = await openCollection(name, flags, terminal);
    return (await find(collection, embedder, asked)).map(hitJson);
  };
}
