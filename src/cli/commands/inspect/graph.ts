/** `ocellus inspect graph CHECKPOINT`: the graphs we build for a checkpoint: in numbers, as text, or as ONNX files. */

import { type Command, Option } from "commander";
import { nearestHint, OcellusError, printable } from "../../../core/base/index.js";
import { pathExists } from "../../../core/fs/index.js";
import { type Graph, printGraph } from "../../../core/graph/index.js";
import { parsePlan } from "../../../core/pack/index.js";
import { resolveModel } from "../../../hub/index.js";
import { type ModelGraphs, modelGraphs, summarizeGraph, writeBareGraphs } from "../../../inspect/index.js";
import {
  blockSizeOption,
  embeddingWeightsOption,
  type GlobalFlags,
  type PackingFlags,
  visionWeightsOption,
  weightsOption,
  zeroPointsOption,
} from "../../options.js";
import { graphsText } from "../../ui/graph-text.js";
import { shown } from "../../ui/shown.js";
import { coloursFor, printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { packWithProgress } from "../models/pack.js";

interface GraphFlags extends GlobalFlags, Omit<PackingFlags, "prefillWeights"> {
  readonly graph?: string;
  readonly print?: boolean;
  readonly onnx?: string;
}

const help = `
With --onnx, a checkpoint with weights becomes what \`ocellus pack\` writes: .onnx files and the weights they name. From a
config.json alone the .onnx files have the weights as inputs. Both load in any ONNX Runtime program.

Examples:
  ocellus inspect graph ./my-checkpoint                       operators, inputs, outputs, formats
  ocellus inspect graph ./config.json --weights nf4           before the weights are downloaded
  ocellus inspect graph ./my-checkpoint --graph vision --print > vision.txt
  ocellus inspect graph ./my-checkpoint --weights fp16 --onnx ./my-onnx`;

export function addGraphCommand(inspect: Command, terminal: Terminal): void {
  inspect
    .command("graph")
    .description("show the graphs built for a checkpoint, or export them as ONNX files")
    .argument("<checkpoint>", "checkpoint folder, packed model, config.json or downloaded owner/name")
    .option("--graph <name>", "name of one graph, such as vision or decoder")
    .addOption(
      new Option("--print", "print every node, weight, input and output as text; equal graphs print equal text"),
    )
    .addOption(
      new Option("--onnx <folder>", "new folder to write standard ONNX files to").conflicts(["print", "graph"]),
    )
    .addOption(weightsOption())
    .addOption(blockSizeOption())
    .addOption(zeroPointsOption())
    .addOption(visionWeightsOption())
    .addOption(embeddingWeightsOption())
    .addHelpText("after", help)
    .action((path: string, _local: unknown, command: Command) =>
      graphCommand(path, command.optsWithGlobals(), terminal),
    );
}

async function graphCommand(name: string, flags: GraphFlags, terminal: Terminal): Promise<void> {
  const path = await resolveModel(name);
  const model = await modelGraphs(path, planOf(flags));
  if (flags.onnx !== undefined) return writeOnnx(path, model, flags.onnx, flags, terminal);
  const graphs = chosen(model, flags.graph);
  if (flags.print && !flags.json) {
    terminal.stdout.write(graphs.map(printedLines).join("\n"));
    return;
  }
  const summaries = graphs.map((graph) => ({
    ...summarizeGraph(graph),
    ...(flags.print && { text: printGraph(graph) }),
  }));
  const { modelType, source } = model;
  if (flags.json) return printJson(terminal, { path, modelType, source, graphs: summaries });
  printLine(terminal, graphsText(shown({ path, modelType, source, graphs: summaries }), coloursFor(terminal.stdout)));
}

const planOf = (flags: GraphFlags) => parsePlan(flags.weights ?? "int4", flags);

function chosen({ graphs }: ModelGraphs, name: string | undefined): readonly Graph[] {
  if (name === undefined) return Object.values(graphs);
  const names = Object.keys(graphs);
  if (names.includes(name)) return [graphs[name]!];
  throw new OcellusError(
    "invalid_request",
    `--graph: expected ${names.join(" or ")}, found "${name}"${nearestHint(name, names)}`,
  );
}

async function writeOnnx(
  path: string,
  { graphs, source }: ModelGraphs,
  into: string,
  flags: GraphFlags,
  terminal: Terminal,
): Promise<void> {
  if (source === "packed")
    throw new OcellusError("invalid_request", `${path} is a packed model: its folder already contains the ONNX files`);
  if (source === "checkpoint") {
    // `pack` would take a packed model that is there for its own, whichever checkpoint that was made from.
    if (await pathExists(into)) throw new OcellusError("invalid_request", `${into} exists; name a new folder`);
    await packWithProgress(path, planOf(flags), { ...flags, into }, terminal);
  } else await writeBareGraphs(Object.values(graphs), into);
  const files = Object.keys(graphs).map((name) => `${name}.onnx`);
  if (flags.json) return printJson(terminal, { path: into, files, weightsAsInputs: source === "config" });
  printLine(terminal, `${into}  ${files.join(", ")}${source === "config" ? ", weights as inputs" : ""}`);
}

/** Names may come from a packed model of somebody else's. */
function printedLines(graph: Graph): string {
  return printGraph(graph).split("\n").map(printable).join("\n");
}
