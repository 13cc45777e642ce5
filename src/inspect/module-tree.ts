/**
 * The tensors of a checkpoint as a tree of modules, by the dots in their names, with sums. Numbered neighbours of equal
 * build (names, shapes and dtypes below them) are one node with a count: 32 decoder layers are one line ×32.
 */
import { byteLength, type DType, elementCount, type TensorInfo } from "../core/tensor/index.js";

export interface ModuleNode {
  /** Path of the module; of a run of layers the first one's: `language_model.layers.0`. Empty for the whole. */
  readonly path: string;
  /** Last part of the path; `0–31` for a run. */
  readonly name: string;
  /** Modules of equal build in this node; sums are over all of them. */
  readonly count: number;
  readonly numTensors: number;
  readonly numParameters: number;
  readonly sizeBytes: number;
  readonly dtypes: readonly DType[];
  /** Tensors directly in the module (in one of them, if there are several), by the last part of their name. */
  readonly tensors: readonly TensorInfo[];
  readonly children: readonly ModuleNode[];
}

/** Names deeper than this are cut: published ones have about ten parts, and a recursion must end. */
const maxDepth = 32;

export function moduleTree(tensors: Iterable<TensorInfo>): ModuleNode {
  const root = new Draft("", "");
  for (const info of tensors) {
    const parts = info.name.split(".");
    const depth = Math.min(parts.length - 1, maxDepth);
    let at = root;
    for (const part of parts.slice(0, depth)) at = at.child(part);
    at.tensors.push({ ...info, name: parts.slice(depth).join(".") });
  }
  return root.finish(new Map()).node;
}

interface Finished {
  readonly node: ModuleNode;
  readonly build: number;
}

/** A number for each build seen: equal builds, equal numbers. */
type Builds = Map<string, number>;

class Draft {
  readonly tensors: TensorInfo[] = [];
  readonly #children = new Map<string, Draft>();

  constructor(
    readonly path: string,
    readonly name: string,
  ) {}

  child(part: string): Draft {
    const found = this.#children.get(part) ?? new Draft(this.path === "" ? part : `${this.path}.${part}`, part);
    this.#children.set(part, found);
    return found;
  }

  finish(builds: Builds): Finished {
    const finished = [...this.#children.values()].map((child) => child.finish(builds));
    const children = collapse(finished);
    const node: ModuleNode = {
      path: this.path,
      name: this.name,
      count: 1,
      numTensors: this.tensors.length + sum(children, (c) => c.numTensors),
      numParameters: sum(this.tensors, (t) => elementCount(t.shape)) + sum(children, (c) => c.numParameters),
      sizeBytes: sum(this.tensors, (t) => byteLength(t.dtype, t.shape)) + sum(children, (c) => c.sizeBytes),
      dtypes: [...new Set([...this.tensors.map((t) => t.dtype), ...children.flatMap((c) => c.dtypes)])],
      tensors: this.tensors,
      children,
    };
    const key = JSON.stringify([this.tensors, finished.map((f) => [f.node.name, f.build])]);
    if (!builds.has(key)) builds.set(key, builds.size);
    return { node, build: builds.get(key)! };
  }
}

/** Runs of numbered neighbours with equal build become one node each. */
function collapse(finished: readonly Finished[]): ModuleNode[] {
  const isNumber = ({ node }: Finished) => /^\d+$/.test(node.name);
  const ordered = [...finished];
  if (ordered.every(isNumber)) ordered.sort((a, b) => Number(a.node.name) - Number(b.node.name)); // shards may mix them
  const runs: Finished[][] = [];
  for (const each of ordered) {
    const run = runs.at(-1);
    if (run && isNumber(each) && isNumber(run[0]!) && run[0]!.build === each.build) run.push(each);
    else runs.push([each]);
  }
  return runs.map((run) => merged(run.map((each) => each.node)));
}

function merged(nodes: readonly ModuleNode[]): ModuleNode {
  const first = nodes[0]!;
  const count = nodes.length;
  if (count === 1) return first;
  return {
    ...first,
    name: `${first.name}–${nodes.at(-1)!.name}`,
    count,
    numTensors: first.numTensors * count,
    numParameters: first.numParameters * count,
    sizeBytes: first.sizeBytes * count,
  };
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
