/** The tensors of every stack of layers as a grid, kinds by layers: what the plots and heat maps of a report are drawn on. */
import { groupBy } from "../../core/base/index.js";
import type { LayerGrid } from "../page/page-data.js";
import { partKinds, placeOf } from "../place.js";

/** A layer of published models has up to a dozen kinds of matrix; hundreds of experts would be a page of their own. */
const maxKinds = 64;
/** Four times the deepest published decoder; more numbers are no layers. */
const maxLayers = 512;

/** Of the tensors that `has` chooses, in the order of the data; a stack of one layer is no grid. */
export function layerGrids<T extends { readonly name: string }>(tensors: readonly T[], has: (tensor: T) => boolean) {
  const places = tensors.flatMap((tensor, index) => (has(tensor) ? [{ ...placeOf(tensor.name), index }] : []));
  const layered = places.filter((place) => place.layer !== undefined);
  layered.sort((a, b) => partKinds.indexOf(a.part) - partKinds.indexOf(b.part) || a.kind.localeCompare(b.kind, "en"));
  return groupBy(layered, ({ stack }) => stack).flatMap(([stack, of]): LayerGrid[] => {
    const layers = [...new Set(of.map(({ layer }) => layer!))].sort((a, b) => a - b);
    if (layers.length < 2 || layers.length > maxLayers) return [];
    const kinds = groupBy(of, ({ kind }) => kind).map(([kind, ofKind]) => {
      const byLayer = new Map(ofKind.map(({ layer, index }) => [layer, index]));
      return { kind, tensors: layers.map((layer) => byLayer.get(layer) ?? -1) };
    });
    return [{ stack, layers, kinds: kinds.slice(0, maxKinds), numMore: Math.max(0, kinds.length - maxKinds) }];
  });
}
