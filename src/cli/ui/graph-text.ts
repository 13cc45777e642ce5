/** What `ocellus inspect graph` prints of graphs: a line on each, what goes in and out, its products and its operators. */

import { formatBytes, formatCount } from "../../core/base/index.js";
import type { Value } from "../../core/graph/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { GraphSummary, ModelGraphs } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable, wrapText } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

interface Shown {
  readonly path: string;
  readonly modelType: string;
  readonly source: ModelGraphs["source"];
  readonly graphs: readonly GraphSummary[];
}

const sources = {
  packed: "a packed model",
  checkpoint: "every weight is there",
  config: "from config.json alone",
} as const;

export function graphsText({ path, modelType, source, graphs }: Shown, colours: Colours): string {
  const title = `${colours.bold(path)}\n${modelType} · ${sources[source]}`;
  return [title, ...graphs.map((graph) => graphText(graph, colours))].join("\n\n");
}

/** Columns of the list of operators, which is beside titles. */
const opsWidth = 100;

function graphText(graph: GraphSummary, { bold, dim }: Colours): string {
  const { name, numNodes, numParameters, inputs, outputs, products, ops } = graph;
  const counts = Object.entries(ops).map(([op, count]) => `${op}×${count}`);
  const rows = [
    ...titled("in", valueRows(inputs)),
    ...titled("out", valueRows(outputs)),
    ...titled(
      "products",
      products.map((p) => `${p.format} ×${p.count}: ${formatCount(p.numParameters)}, ${formatBytes(p.sizeBytes)}`),
    ),
    ...titled("operators", wrapText(counts.join("  "), opsWidth)),
  ];
  const head = `${bold(name)}  ${numNodes} nodes, ${formatCount(numParameters)} parameters`;
  return `${head}\n${textTable(rows.map(([title, text]) => [`  ${dim(title!)}`, text!]))}`;
}

function titled(title: string, lines: readonly string[]): string[][] {
  return lines.map((line, i) => [i === 0 ? title : "", line]);
}

/** Values that differ in a number only, as those of each layer do, on one line. */
function valueRows(values: readonly Value[]): string[] {
  const alike = new Map<string, Value[]>();
  for (const value of values) {
    const key = `${value.name.replace(/\d+/g, "N")}  ${value.dtype}${formatShape(value.shape)}`;
    alike.set(key, [...(alike.get(key) ?? []), value]);
  }
  return [...alike].map(([key, [first, ...others]]) => {
    const { name, dtype, shape } = first!;
    return others.length === 0 ? `${name}  ${dtype}${formatShape(shape)}` : `${key}  ×${others.length + 1}`;
  });
}
