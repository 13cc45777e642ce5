/** A diff as text: the summary, then parts, the tensors that moved most, names and configs; long lists are cut short. */
import { formatCount } from "../../core/base/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { CheckpointDiff, NotFinite, TensorChange } from "../../inspect/index.js";
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

function partsText({ parts = [] }: CheckpointDiff, { dim, yellow, red }: Colours): string {
  const rows = parts.map(({ title, numTensors, numChanged, relative, notFinite }) => [
    title,
    numChanged === 0 ? dim("equal") : `${numChanged} of ${numTensors} tensors`,
    numChanged === 0 ? "" : yellow(relativeText(relative, notFinite)),
    notFiniteText(notFinite) && red(`NaN or infinite: ${notFiniteText(notFinite)}`),
  ]);
  return textTable(rows, ["left", "right", "right", "left"]);
}

function tensorsText({ tensors = [] }: CheckpointDiff, { dim, red }: Colours): string {
  const changed = tensors.filter(({ isEqual }) => !isEqual);
  if (changed.length === 0) return "";
  const isBroken = changed.some(({ notFinite }) => notFiniteText(notFinite) !== "");
  const header = ["moved most", "", "relative", "largest", "values", "rank", ...(isBroken ? ["NaN or infinite"] : [])];
  const rows = changed.slice(0, maxListed).map((tensor) => {
    return [...tensorRow(tensor), ...(isBroken ? [red(notFiniteText(tensor.notFinite))] : [])];
  });
  const table = textTable([header.map(dim), ...rows], ["left", "left", "right", "right", "right", "right", "right"]);
  const rest = changed.length - maxListed;
  return rest > 0 ? `${table}\n${dim(`and ${rest} more; --json has them all`)}` : table;
}

/** A to B; empty where there are none. */
function notFiniteText({ a, b }: NotFinite): string {
  return a + b === 0 ? "" : `${formatCount(a)} → ${formatCount(b)}`;
}

/** Over finite values alone, which may all be equal where others became NaN. */
function relativeText(relative: number, { changed }: NotFinite): string {
  return relative === 0 && changed > 0 ? "–" : percent(relative);
}

function tensorRow({ name, shape, relative, notFinite, maxAbs, numChanged, numElements, lowRank }: TensorChange) {
  return [
    name,
    formatShape(shape),
    relativeText(relative, notFinite),
    formatValue(maxAbs),
    percent(numChanged / Math.max(1, numElements)),
    lowRank ? String(lowRank.rank) : "",
  ];
}
