/** A diff in one sentence: "only the resampler moved". */
import type { CheckpointDiff, HeaderChanges, PartChange, TensorChange, ValueChanges } from "./change.js";

export function summarise(
  headers: HeaderChanges,
  values: ValueChanges | undefined,
): Pick<CheckpointDiff, "summary" | "isEqual"> {
  const { configs, added, removed, respelled, reshaped, retyped } = headers;
  const counted = [
    [added.length, "added"],
    [removed.length, "removed"],
    [respelled.length, "spelled differently"],
    [reshaped.length, "reshaped"],
    [retyped.length, "of another dtype"],
  ] as const;
  const names = counted.filter(([count]) => count > 0).map(([count, what]) => `${tensorCount(count)} ${what}`);
  const moved = values ? movedText(values) : undefined;
  const isSameHeader = names.length === 0 && configs.length === 0;
  const isEqual = isSameHeader && values !== undefined && moved === undefined;
  if (isEqual) return { isEqual, summary: "nothing differs: every value and every config is the same" };
  const parts = [
    values === undefined ? "values were not read" : (moved ?? "no value that both hold moved"),
    ...names,
    ...(configs.length === 0 ? [] : ["the configs differ"]),
    ...(isSameHeader && values === undefined ? ["the headers and configs are the same"] : []),
  ];
  return { ...(isSameHeader && values === undefined ? {} : { isEqual }), summary: parts.join("; ") };
}

const tensorCount = (count: number) => (count === 1 ? "1 tensor" : `${count} tensors`);

function movedText({ parts, tensors }: ValueChanges): string | undefined {
  const moved = parts.filter(({ numChanged }) => numChanged > 0);
  if (moved.length === 0) return undefined;
  const low = lowRankText(tensors);
  const broken = notFiniteText(tensors);
  const where = moved.length < parts.length ? onlyText(moved) : everyText(moved);
  return [...broken, where, ...(low ? [low] : [])].join("; ");
}

/** What no relative change says, and the first thing to know. */
function notFiniteText(tensors: readonly TensorChange[]): string[] {
  const counted = [
    ["more NaN or infinite values in B than in A", tensors.filter(({ notFinite: { a, b } }) => b > a).length],
    ["fewer NaN or infinite values in B than in A", tensors.filter(({ notFinite: { a, b } }) => b < a).length],
    [
      "as many NaN or infinite values in B as in A, but other ones",
      tensors.filter(({ notFinite: { a, b, changed } }) => a === b && changed > 0).length,
    ],
  ] as const;
  return counted.flatMap(([what, count]) =>
    count === 0 ? [] : [`${tensorCount(count)} ${count === 1 ? "holds" : "hold"} ${what}`],
  );
}

function onlyText(moved: readonly PartChange[]): string {
  const titles = moved.map(({ title }) => `the ${title}`);
  const last = titles.pop()!;
  return `only ${titles.length > 0 ? `${titles.join(", ")} and ${last}` : last} moved`;
}

function everyText(moved: readonly PartChange[]): string {
  const most = moved.reduce((a, b) => (b.relative > a.relative ? b : a));
  return moved.length === 1 ? `the ${most.title} moved` : `every part moved, the ${most.title} most`;
}

function lowRankText(tensors: readonly TensorChange[]): string | undefined {
  const low = tensors.flatMap(({ lowRank }) => (lowRank ? [lowRank.rank] : []));
  if (low.length === 0) return undefined;
  const numMatrices = tensors.filter(({ isEqual, shape }) => !isEqual && shape.length >= 2).length;
  const [least, most] = [Math.min(...low), Math.max(...low)];
  const rank = least === most ? `rank ${most}` : `ranks ${least} to ${most}`;
  return `${low.length} of ${numMatrices} changed matrices by ${rank}, as a merged LoRA does`;
}
