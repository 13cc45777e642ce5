/** Differences of two versions as /admin/v1 writes them, in lists that a page can show. */
import type { CheckpointDiff, ModuleChange, NotFinite, TensorChange } from "../../inspect/index.js";
import type { WireDiff, WireDiffValues, WireTensorChange } from "../../protocol/index.js";

/** `ocellus rollout versions diff --json` has them all. */
const maxListed = 100;
/** Four times the layers of the deepest published decoder. */
const maxModules = 512;

export function wireHeaders(a: string, b: string, found: CheckpointDiff): Omit<WireDiff, "values"> {
  const { summary, clauses, configs, added, removed, respelled, reshaped, retyped } = found;
  const wireTensor = ({ name, dtype, shape }: (typeof added)[number]) => ({ name, dtype, shape: [...shape] });
  return {
    object: "ocellus.admin.diff",
    ...{ a, b, summary },
    clauses: clauses.map(({ code, values }) => ({ code, values: { ...values } })),
    configs: listed(configs, (each) => each),
    added: listed(added, wireTensor),
    removed: listed(removed, wireTensor),
    respelled: listed(respelled, (each) => each),
    reshaped: listed(reshaped, (each) => ({ name: each.name, a: [...each.a], b: [...each.b] })),
    retyped: listed(retyped, (each) => each),
  };
}

/** @param found with its values */
export function wireValues({ parts = [], modules = [], tensors = [] }: CheckpointDiff): WireDiffValues {
  return {
    state: "done",
    parts: parts.map(({ part, title, numTensors, numChanged, relative, notFinite }) => ({
      ...{ part, title, num_tensors: numTensors, num_changed: numChanged, relative, ...wireNotFinite(notFinite) },
      modules: listed(
        modules.filter((each) => each.part === part),
        wireModule,
        maxModules,
      ),
    })),
    tensors: listed(
      tensors.filter(({ isEqual }) => !isEqual),
      wireTensorChange,
    ),
  };
}

function wireModule({ module, numTensors, numChanged, relative, notFinite }: ModuleChange) {
  return { module, num_tensors: numTensors, num_changed: numChanged, relative, ...wireNotFinite(notFinite) };
}

function wireNotFinite({ a, b }: NotFinite) {
  return { not_finite_a: a, not_finite_b: b };
}

function wireTensorChange({
  name,
  shape,
  relative,
  notFinite,
  maxAbs,
  numElements,
  numChanged,
  lowRank,
}: TensorChange): WireTensorChange {
  return {
    ...{ name, shape: [...shape], relative, max_abs: maxAbs, num_values: numElements, num_changed: numChanged },
    ...wireNotFinite(notFinite),
    ...(lowRank && { rank: lowRank.rank }),
  };
}

function listed<T, U>(items: readonly T[], wire: (item: T) => U, most = maxListed): { count: number; data: U[] } {
  return { count: items.length, data: items.slice(0, most).map(wire) };
}
