/**
 * What the Qwen-VL families have in common: patches in merge order (2×2 blocks in raster order, raster within a block), axial
 * rotation by a patch's row and column, and positions in a prompt in three streams T, H and W.
 * [transformers vision_utils.py, get_rope_index]
 */
import type { GraphBuilder } from "../graph/index.js";
import type { ImageGrid } from "../image/spec/index.js";
import type * as nn from "../nn/index.js";
import type { FramePair, GridInPrompt, HostInput, PromptPositions, RotaryAngles } from "./family.js";
import { type Rope, ropeAngles } from "./rope.js";

/** The dimension of patches in a graph. */
export const numPatches = "4*num_tokens";

export interface Place {
  readonly row: number;
  readonly column: number;
}

/** Row and column of every patch in merge order: of patches that are merged twice, blocks of blocks in raster order. */
export function mergeOrder({ rows, columns }: ImageGrid, times = 1): Place[] {
  const [side, bits] = [2 ** times, 2 * times];
  return Array.from({ length: rows * columns }, (_, i) => {
    const block = i >> bits;
    let [row, column] = [Math.floor(block / (columns / side)), block % (columns / side)];
    for (let shift = bits - 2; shift >= 0; shift -= 2) {
      row = 2 * row + ((i >> (shift + 1)) & 1);
      column = 2 * column + ((i >> shift) & 1);
    }
    return { row, column };
  });
}

/** The rotation's inputs of a vision graph. */
export function axialRotary(builder: GraphBuilder, headDim: number): nn.Rotary {
  return {
    cos: builder.input("cos", "f32", [numPatches, headDim / 2]),
    sin: builder.input("sin", "f32", [numPatches, headDim / 2]),
    positionIds: builder.input("position_ids", "i64", [1, numPatches]),
  };
}

/** What they are fed. A quarter of head_dim turns with a patch's row, as many frequencies again with its column. */
export function axialRotaryInputs(places: readonly Place[], headDim: number, rope: Rope): Record<string, HostInput> {
  const n = places.length;
  const { cos, sin } = axialAngles(places, headDim, rope);
  return {
    cos: { dtype: "f32", shape: [n, headDim / 2], data: cos },
    sin: { dtype: "f32", shape: [n, headDim / 2], data: sin },
    position_ids: { dtype: "i64", shape: [1, n], data: Array.from({ length: n }, (_, i) => i) },
  };
}

function axialAngles(places: readonly Place[], headDim: number, rope: Rope): RotaryAngles {
  const quarter = headDim / 4;
  const byRow = ropeAngles(places.length, 2 * quarter, rope, (i) => places[i]!.row);
  const byColumn = ropeAngles(places.length, 2 * quarter, rope, (i) => places[i]!.column);
  const joined = (part: "cos" | "sin") => {
    const out = new Float32Array(places.length * 2 * quarter);
    for (let i = 0; i < places.length; i++) {
      out.set(byRow[part].subarray(i * quarter, (i + 1) * quarter), 2 * i * quarter);
      out.set(byColumn[part].subarray(i * quarter, (i + 1) * quarter), (2 * i + 1) * quarter);
    }
    return out;
  };
  return { cos: joined("cos"), sin: joined("sin") };
}

/**
 * A text token advances all three streams by one; an image's tokens share one T and spread over H and W, and what follows
 * continues behind its longer side. A pair of frames is as an image where words tell its time (`timeOf` absent); else all pairs
 * of a video lie on the same rows and columns, T steps ahead with their time, and what follows does not wait for it. Nor does
 * what is generated: the reference's `generate` continues from the last token's position, whatever `rope_deltas` says.
 */
export function promptPositions(
  ids: ArrayLike<number>,
  images: readonly GridInPrompt[],
  timeOf?: (pair: FramePair) => number,
): PromptPositions {
  const axes = [0, 1, 2].map(() => new Int32Array(ids.length));
  const byStart = new Map(images.map((image) => [image.start, image]));
  let [first, next] = [0, 0];
  for (let i = 0; i < ids.length; ) {
    const { grid, pair } = byStart.get(i) ?? {};
    const [rows, columns] = grid ? [grid.rows / 2, grid.columns / 2] : [1, 1];
    if (!timeOf || !pair || pair.index === 0) first = next; // else where the video began
    const time = first + (pair && timeOf ? timeOf(pair) : 0);
    for (let k = 0; k < rows * columns; k++) {
      axes[0]![i + k] = time;
      axes[1]![i + k] = first + Math.floor(k / columns);
      axes[2]![i + k] = first + (k % columns);
    }
    i += rows * columns;
    next = first + Math.max(rows, columns);
  }
  return { axes, delta: next - ids.length };
}
