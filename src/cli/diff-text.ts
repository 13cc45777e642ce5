/** A diff as text: the summary, then parts, the tensors that moved most, names and configs; long lists are cut short. */
import type { CheckpointDiff, TensorChange } from "../inspect/index.js";
import { formatShape } from "../tensor/index.js";
import { formatValue, percent } from "./statistics-text.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

type Colours = ReturnType<typeof coloursFor>;

/** --json has them all. */
const maxListed = 20;

export function diffText(diff: CheckpointDiff, colours: Colours): string {
  const { added, removed, respelled, reshaped, retyped, configs } = diff;
  const { green, red, yellow, bold, dim } = colours;
  const blocks = [
    bold(diff.summary),
    partsText(diff, colours),
    tensorsText(diff, colours),
    listed(added, (t) => green(`+ ${t.name} ${t.dtype} ${formatShape(t.shape)}`), dim),
    listed(removed, (t) => red(`- ${t.name} ${t.dtype} ${formatShape(t.shape)}`), dim),
    listed(respelled, (t) => dim(`= ${t.a} is ${t.b} there`), dim),
    listed(reshaped, (t) => yellow(`~ ${t.name} ${formatShape(t.a)} → ${formatShape(t.b)}`), dim),
    listed(retyped, (t) => yellow(`~ ${t.name} ${t.a} → ${t.b}`), dim),
    listed(configs, (c) => `${[c.file, c.path].filter(Boolean).join(" ")}: ${c.a ?? "–"} → ${c.b ?? "–"}`, dim),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

function listed<T>(items: readonly T[], text: (item: T) => string, dim: Colours["dim"]): string {
  const rest = items.length - maxListed;
  const lines = items.slice(0, maxListed).map(text);
  return [...lines, ...(rest > 0 ? [dim(`and ${rest} more; --json has them all`)] : [])].join("\n");
}

function partsText({ parts = [] }: CheckpointDiff, { dim, yellow }: Colours): string {
  const rows = parts.map(({ title, numTensors, numChanged, relative }) => [
    title,
    numChanged === 0 ? dim("equal") : `${numChanged} of ${numTensors} tensors`,
    numChanged === 0 ? "" : yellow(percent(relative)),
  ]);
  return textTable(rows, ["left", "right", "right"]);
}

function tensorsText({ tensors = [] }: CheckpointDiff, { dim }: Colours): string {
  const changed = tensors.filter(({ isEqual }) => !isEqual);
  if (changed.length === 0) return "";
  const header = ["moved most", "", "relative", "largest", "values", "rank"].map(dim);
  const table = textTable(
    [header, ...changed.slice(0, maxListed).map(tensorRow)],
    ["left", "left", "right", "right", "right", "right"],
  );
  const rest = changed.length - maxListed;
  return rest > 0 ? `${table}\n${dim(`and ${rest} more; --json has them all`)}` : table;
}

function tensorRow({ name, shape, relative, maxAbs, numChanged, numElements, lowRank }: TensorChange): string[] {
  return [
    name,
    formatShape(shape),
    percent(relative),
    formatValue(maxAbs),
    percent(numChanged / Math.max(1, numElements)),
    lowRank ? String(lowRank.rank) : "",
  ];
}
