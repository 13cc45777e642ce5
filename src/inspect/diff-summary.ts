/** A diff in one sentence: "only the resampler moved". */
import type { CheckpointDiff, HeaderChanges, PartChange, TensorChange, ValueChanges } from "./change.js";
import type { Sentence } from "./page/page-data.js";
import { sentence } from "./sentence.js";

export function summarise(
  headers: HeaderChanges,
  values: ValueChanges | undefined,
): Pick<CheckpointDiff, "summary" | "clauses" | "isEqual"> {
  const { configs, added, removed, respelled, reshaped, retyped } = headers;
  const counted = [
    [added.length, "added", "added"],
    [removed.length, "removed", "removed"],
    [respelled.length, "respelled", "spelled differently"],
    [reshaped.length, "reshaped", "reshaped"],
    [retyped.length, "retyped", "of another dtype"],
  ] as const;
  const names = counted
    .filter(([count]) => count > 0)
    .map(([count, how, what]) => sentence("names_differ", { count, how }, `${tensorCount(count)} ${what}`));
  const moved = values ? movedClauses(values) : [];
  const isSameHeader = names.length === 0 && configs.length === 0;
  const isEqual = isSameHeader && values !== undefined && moved.length === 0;
  if (isEqual) {
    const text = "nothing differs: every value and every config is the same";
    return { isEqual, ...summaryOf([sentence("nothing_differs", {}, text)]) };
  }
  const unmoved = sentence("no_value_moved", {}, "no value that both hold moved");
  const same = sentence("headers_same", {}, "the headers and configs are the same");
  const clauses = [
    ...(values === undefined ? [sentence("values_unread", {}, "values were not read")] : []),
    ...(values !== undefined && moved.length === 0 ? [unmoved] : moved),
    ...names,
    ...(configs.length === 0 ? [] : [sentence("configs_differ", {}, "the configs differ")]),
    ...(isSameHeader && values === undefined ? [same] : []),
  ];
  return { ...(isSameHeader && values === undefined ? {} : { isEqual }), ...summaryOf(clauses) };
}

function summaryOf(clauses: readonly Sentence[]): Pick<CheckpointDiff, "summary" | "clauses"> {
  return { summary: clauses.map(({ text }) => text).join("; "), clauses };
}

const tensorCount = (count: number) => (count === 1 ? "1 tensor" : `${count} tensors`);

function movedClauses({ parts, tensors }: ValueChanges): Sentence[] {
  const moved = parts.filter(({ numChanged }) => numChanged > 0);
  if (moved.length === 0) return [];
  const where = moved.length < parts.length ? onlyMoved(moved) : allMoved(moved);
  return [...notFiniteClauses(tensors), where, ...lowRankClause(tensors)];
}

/** What no relative change says, and the first thing to know. */
function notFiniteClauses(tensors: readonly TensorChange[]): Sentence[] {
  const counted = [
    ["more", "more NaN or infinite values in B than in A", ({ a, b }) => b > a],
    ["fewer", "fewer NaN or infinite values in B than in A", ({ a, b }) => b < a],
    [
      "other",
      "as many NaN or infinite values in B as in A, but other ones",
      ({ a, b, changed }) => a === b && changed > 0,
    ],
  ] as const satisfies readonly (readonly [string, string, (of: TensorChange["notFinite"]) => boolean])[];
  return counted.flatMap(([how, what, isSo]) => {
    const count = tensors.filter(({ notFinite }) => isSo(notFinite)).length;
    const text = `${tensorCount(count)} ${count === 1 ? "holds" : "hold"} ${what}`;
    return count === 0 ? [] : [sentence("not_finite_differ", { count, how }, text)];
  });
}

function onlyMoved(moved: readonly PartChange[]): Sentence {
  const parts = moved.map(({ title }) => title);
  const titles = parts.map((title) => `the ${title}`);
  const last = titles.pop()!;
  const text = `only ${titles.length > 0 ? `${titles.join(", ")} and ${last}` : last} moved`;
  return sentence("only_moved", { parts }, text);
}

function allMoved(moved: readonly PartChange[]): Sentence {
  const { title: most } = moved.reduce((a, b) => (b.relative > a.relative ? b : a));
  const isOne = moved.length === 1;
  const text = isOne ? `the ${most} moved` : `every part moved, the ${most} most`;
  return sentence("all_moved", { most, isOne }, text);
}

function lowRankClause(tensors: readonly TensorChange[]): Sentence[] {
  const low = tensors.flatMap(({ lowRank }) => (lowRank ? [lowRank.rank] : []));
  if (low.length === 0) return [];
  const all = tensors.filter(({ isEqual, shape }) => !isEqual && shape.length >= 2).length;
  const [count, least, most] = [low.length, Math.min(...low), Math.max(...low)];
  const rank = least === most ? `rank ${most}` : `ranks ${least} to ${most}`;
  const text = `${count} of ${all} changed matrices by ${rank}, as a merged LoRA does`;
  return [sentence("low_rank", { count, all, least, most }, text)];
}
