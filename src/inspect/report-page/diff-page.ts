/**
 * `ocellus diff --html`: what changed between two checkpoints as one page. The summary is its heading; then the model as
 * rooms, the more changed the warmer; a heat map over the layers; low ranks; names, shapes and configs that differ.
 */
import { baseName } from "../../core/fs/index.js";
import { formatShape } from "../../core/tensor/index.js";
import type { CheckpointDiff, TensorChange } from "../change.js";
import { longestStack } from "../describe.js";
import { cut, maxPageTensors, pageDocument, rounded } from "../page/document.js";
import type { ChangedTensor, DiffData, Said } from "../page/page-data.js";
import type { PartKind } from "../place.js";
import { layerGrids } from "./layer-grids.js";

/** The whole page; some 250 bytes a tensor, those of the 20,000 that moved most. */
export function diffPage(diff: CheckpointDiff): string {
  const names = `${baseName(diff.a)} → ${baseName(diff.b)}`;
  return pageDocument({
    kind: "diff",
    title: `${names} · Ocellus diff`,
    heading: `${diff.summary.charAt(0).toUpperCase()}${diff.summary.slice(1)}.`,
    headingSaid: {
      code: "diff",
      values: { clauses: diff.clauses.map(({ code, values }) => ({ code, values }) as Said) },
    },
    facts: names,
    data: pageData(diff),
  });
}

/** Longer lists of names, or of values of configs, are read by programs: `ocellus diff --json`. */
const maxRows = 2000;

function pageData({ a, b, parts = [], tensors: all = [], configs, ...headers }: CheckpointDiff): DiffData {
  const { shown: tensors, leftOut } = cut(all, maxPageTensors, "least_moved");
  const names = cut(nameRows(headers), maxRows, "names");
  const values = cut(configs, maxRows, "values");
  const partOf = new Map(tensors.map(({ name, part }) => [name, part]));
  const namesOf = (part: PartKind) => [...partOf].flatMap(([name, its]) => (its === part ? [name] : []));
  const rooms = parts.map(({ part, title, numTensors, numChanged, relative, notFinite }) => ({
    ...{
      title,
      numTensors,
      numChanged,
      notFinite,
      relative: rounded(relative),
      numLayers: longestStack(namesOf(part)),
    },
  }));
  return {
    ...{ a, b, rooms, leftOut, numTensors: all.length, numMoved: all.filter(({ isEqual }) => !isEqual).length },
    ...{ configs: values.shown, configsLeftOut: values.leftOut, names: names.shown, namesLeftOut: names.leftOut },
    tensors: tensors.map((tensor) => ({
      ...tensorData(tensor),
      room: parts.findIndex(({ part }) => part === partOf.get(tensor.name)),
    })),
    grids: layerGrids(tensors, ({ shape }) => shape.length >= 2),
  };
}

type NameRow = DiffData["names"][number];

function nameRows({ added, removed, respelled, reshaped, retyped }: Pick<CheckpointDiff, NameLists>): NameRow[] {
  return [
    ...added.map(({ name, dtype, shape }) => ["added", name, `${dtype} ${formatShape(shape)}`] as const),
    ...removed.map(({ name, dtype, shape }) => ["removed", name, `${dtype} ${formatShape(shape)}`] as const),
    ...reshaped.map((each) => ["reshaped", each.name, `${formatShape(each.a)} → ${formatShape(each.b)}`] as const),
    ...retyped.map((each) => ["retyped", each.name, `${each.a} → ${each.b}`] as const),
    ...respelled.map((each) => ["respelled", each.a, `→ ${each.b}`] as const),
  ];
}

type NameLists = "added" | "removed" | "respelled" | "reshaped" | "retyped";

function tensorData({
  name,
  shape,
  isEqual,
  numElements,
  numChanged,
  notFinite,
  lowRank,
  ...change
}: TensorChange): Omit<ChangedTensor, "room"> {
  return {
    ...{ name, shape, isEqual, numElements, numChanged, notFinite },
    ...{ relative: rounded(change.relative), maxAbs: rounded(change.maxAbs) },
    ...(lowRank && { rank: lowRank.rank, energy: rounded(lowRank.energy) }),
  };
}
