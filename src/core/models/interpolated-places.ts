/**
 * Places of patches between those of a learned square table: each patch is a weighted sum of four of its rows, which the host
 * chooses. Of Qwen3-VL and PaddleOCR-VL. [transformers vision_utils.py, get_vision_interpolation_indices_and_weights]
 */
import type { GraphBuilder, Scope, Value } from "../graph/index.js";
import type { ImageGrid } from "../image/spec/index.js";
import type { HostInput } from "./family.js";
import { numPatches, type Place } from "./merged-patches.js";

/** How patches are spread over a side of the table: ends on ends, or as the centres of equal parts. */
export type Spread = "ends" | "centres";

/** The table of `numPlaces` rows at `own`.weight, for every patch → [num_patches, width] */
export function interpolatedPlaces(
  builder: GraphBuilder,
  own: Scope,
  [numPlaces, width]: readonly [number, number],
): Value {
  const indices = builder.input("pos_indices", "i64", [4, numPatches]);
  const weights = builder.input("pos_weights", "f32", [4, numPatches, 1]);
  const rows = own.op("Gather", [own.weight("weight", [numPlaces, width]), indices]);
  return own.op("ReduceSum", [own.op("Mul", [rows, weights]), own.int64([0])], { keepdims: 0 });
}

/** What they are fed. @param side of the table */
export function interpolationInputs(
  places: readonly Place[],
  grid: ImageGrid,
  side: number,
  spread: Spread,
): Record<"pos_indices" | "pos_weights", HostInput> {
  const n = places.length;
  const indices = new Array<number>(4 * n);
  const weights = new Float32Array(4 * n);
  for (const [i, { row, column }] of places.entries()) {
    const y = neighbours(row, grid.rows, side, spread);
    const x = neighbours(column, grid.columns, side, spread);
    const corners = [
      [y.low, x.low, (1 - y.share) * (1 - x.share)],
      [y.low, x.high, (1 - y.share) * x.share],
      [y.high, x.low, y.share * (1 - x.share)],
      [y.high, x.high, y.share * x.share],
    ] as const;
    for (const [corner, [tableRow, tableColumn, weight]] of corners.entries()) {
      indices[corner * n + i] = tableRow * side + tableColumn;
      weights[corner * n + i] = weight;
    }
  }
  return {
    pos_indices: { dtype: "i64", shape: [4, n], data: indices },
    pos_weights: { dtype: "f32", shape: [4, n, 1], data: weights },
  };
}

/** The two table rows around patch `at` of `count`, and the share of the second. Past an edge both are the edge. */
function neighbours(at: number, count: number, side: number, spread: Spread) {
  const exact = spread === "ends" ? atEnds(at, count, side) : atCentres(at, count, side);
  const low = Math.floor(exact);
  const within = (place: number) => Math.min(Math.max(place, 0), side - 1);
  return { low: within(low), high: within(low + 1), share: Math.fround(exact - low) };
}

function atEnds(at: number, count: number, side: number): number {
  return count === 1 ? 0 : Math.fround((at * (side - 1)) / (count - 1));
}

/** In float32, step by step as the reference computes. */
function atCentres(at: number, count: number, side: number): number {
  return Math.fround(Math.fround(Math.fround((at + 0.5) * side) / count) - 0.5);
}
