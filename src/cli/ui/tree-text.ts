/** A tree of modules as lines: box-drawing on the left, sums on the right, a module of one child on its parent's line. */
import { formatBytes, formatCount } from "../../core/base/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { ModuleNode } from "../../inspect/index.js";

/** Rows of four cells: the drawing, tensors with their shapes, parameters, bytes. Deeper than `depth` is left out. */
export function treeRows(root: ModuleNode, depth: number): string[][] {
  const rows: string[][] = [];
  const walk = (node: ModuleNode, first: string, rest: string, level: number) => {
    const { title, node: shown } = joined(node);
    rows.push([first + title, tensorsText(shown), countText(shown), formatBytes(shown.sizeBytes)]);
    if (level >= depth) return;
    for (const [i, child] of shown.children.entries()) {
      const isLast = i === shown.children.length - 1;
      walk(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`, level + 1);
    }
  };
  if (root.tensors.length > 0) rows.push(["(top level)", tensorsText(root), "", ""]);
  for (const child of root.children) walk(child, "", "", 1);
  return rows;
}

/** A chain of modules with nothing beside it is one line: `patch_embed.proj`. */
function joined(node: ModuleNode): { title: string; node: ModuleNode } {
  const only = node.children[0];
  const own = node.count > 1 ? `${node.name} ×${node.count}` : node.name;
  if (node.count > 1 || node.tensors.length > 0 || node.children.length !== 1) return { title: own, node };
  const below = joined(only!);
  return { title: `${own}.${below.title}`, node: below.node };
}

/** `32 × 193 M` for a run of layers. */
function countText({ count, numParameters }: ModuleNode): string {
  return count > 1 ? `${count} × ${formatCount(numParameters / count)}` : formatCount(numParameters);
}

/** Tensors of one module; a stranger may hold thousands in one. */
const maxTensors = 4;

function tensorsText({ tensors, dtypes }: ModuleNode): string {
  if (tensors.length === 0) return "";
  const shown = tensors.slice(0, maxTensors).map(({ name, shape }) => `${name} ${formatShape(shape)}`);
  const more = tensors.length > maxTensors ? [`and ${tensors.length - maxTensors} more`] : [];
  return `${[...shown, ...more].join(", ")}  ${dtypes.join(", ")}`;
}
