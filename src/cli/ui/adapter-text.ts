/** What an adapter moves, as a table: the tensors that it moves furthest first. */
import type { AdapterReport } from "../../inspect/index.js";
import type { coloursFor } from "./terminal.js";
import { textTable } from "./text-layout.js";

export function adapterText(
  { adapter, base, tensors }: AdapterReport,
  { bold }: ReturnType<typeof coloursFor>,
): string {
  const trainedOn = base === undefined ? "" : `, trained on ${base}`;
  const rows = tensors.map(({ tensor, kind, rank, deltaNorm, weightNorm, ratio }) => [
    tensor,
    rank === undefined ? "replaced" : kind === "low_rank" ? String(rank) : `${rank}, replaced`,
    deltaNorm.toPrecision(4),
    weightNorm.toPrecision(4),
    `${(ratio * 100).toFixed(2)} %`,
  ]);
  const header = ["tensor", "rank", "norm of change", "norm of weight", "moved"].map((title) => bold(title));
  const table = textTable([header, ...rows], ["left", "right", "right", "right", "right"]);
  return `${adapter}${trainedOn}: moves ${tensors.length} tensors\n\n${table}`;
}
