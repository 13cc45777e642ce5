/**
 * `ocellus diff --html`: what changed between two checkpoints as one page. The summary is its heading; then the model as
 * rooms, the more changed the warmer; a heat map over the layers; low ranks; names, shapes and configs that differ.
 */
import { baseName } from "../../checkpoint/index.js";
import { formatShape } from "../../tensor/index.js";
import type { CheckpointDiff, TensorChange } from "../change.js";
import { longestStack } from "../describe.js";
import { pageDocument, rounded } from "../page/document.js";
import { type PartKind, placeOf } from "../place.js";
import { diffScript } from "./diff-script.js";
import { explorerScript } from "./explorer-script.js";
import { layerGrids } from "./layer-grids.js";
import { layersScript } from "./layers-script.js";
import { style } from "./style.js";

/** The whole page; some 250 bytes a tensor. */
export function diffPage(diff: CheckpointDiff): string {
  const names = `${baseName(diff.a)} → ${baseName(diff.b)}`;
  return pageDocument({
    title: `${names} · Ocellus diff`,
    heading: `${diff.summary.charAt(0).toUpperCase()}${diff.summary.slice(1)}.`,
    facts: names,
    data: pageData(diff),
    style,
    script: explorerScript + layersScript + diffScript,
  });
}

function pageData({ a, b, parts = [], tensors = [], added, removed, reshaped, retyped, configs }: CheckpointDiff) {
  const partOf = new Map(tensors.map(({ name }) => [name, placeOf(name).part]));
  const namesOf = (part: PartKind) => [...partOf].flatMap(([name, its]) => (its === part ? [name] : []));
  const rooms = parts.map(({ part, title, numTensors, numChanged, relative }) => ({
    ...{ title, numTensors, numChanged, relative: rounded(relative), numLayers: longestStack(namesOf(part)) },
  }));
  return {
    ...{ a, b, rooms, configs },
    tensors: tensors.map((tensor) => ({
      ...tensorData(tensor),
      room: parts.findIndex(({ part }) => part === partOf.get(tensor.name)),
    })),
    grids: layerGrids(tensors, ({ shape }) => shape.length >= 2),
    names: [
      ...added.map(({ name, dtype, shape }) => ["added", name, `${dtype} ${formatShape(shape)}`]),
      ...removed.map(({ name, dtype, shape }) => ["removed", name, `${dtype} ${formatShape(shape)}`]),
      ...reshaped.map((each) => ["reshaped", each.name, `${formatShape(each.a)} → ${formatShape(each.b)}`]),
      ...retyped.map((each) => ["retyped", each.name, `${each.a} → ${each.b}`]),
    ],
  };
}

function tensorData({ name, shape, isEqual, numElements, numChanged, numNotFinite, lowRank, ...change }: TensorChange) {
  return {
    ...{ name, shape, isEqual, numElements, numChanged, numNotFinite },
    ...{ relative: rounded(change.relative), maxAbs: rounded(change.maxAbs) },
    ...(lowRank && { rank: lowRank.rank, energy: rounded(lowRank.energy) }),
  };
}
