/**
 * Where in an image the rows are that a prompt has of it, and a map of it from what a token gave to each. Rows that stand for patches
 * are these; of an image in tiles or slices, those of the whole beside them are spread over what they show; rows of a resampler are
 * spread over the patches by what its queries look at.
 */
import { OcellusError } from "../base/index.js";
import {
  type AttentionMap,
  cutOf,
  type ImageProcessor,
  numPatches,
  placeInParts,
  viewsOf,
  wholeOf,
} from "../image/spec/index.js";
import { numRows } from "../models/index.js";
import type { PromptImage } from "../processor/portable.js";
import { areaOf, queryMaps } from "./attention-map.js";
import type { QueryAttention } from "./vision.js";

/** Where a token looked in one image; `weights` are shares of all that it looked at, the words of the prompt included. */
export type TokenLook = AttentionMap;

/** What of an image's rows each cell of its map takes. */
export interface Spread extends Omit<AttentionMap, "weights"> {
  /** Places in the prompt, of each row. */
  readonly places: readonly number[];
  /** Adds what a row was given to the cells that it stands for. */
  readonly add: (weights: Float32Array, row: number, share: number) => void;
}

type Placed = Pick<PromptImage, "grid" | "spans" | "size" | "pair">;
interface Cells {
  readonly rows: number;
  readonly columns: number;
}

/** @throws `unsupported` where rows have no place in the image that is known here: of pairs of frames. */
export function spreadOf(image: Placed, looks: readonly QueryAttention[], imageProcessor: ImageProcessor): Spread {
  const places = image.spans.flatMap(({ start, numTokens }) => Array.from({ length: numTokens }, (_, i) => start + i));
  return looks.length > 0
    ? spreadOfQueries(image, places, looks, imageProcessor)
    : spreadOfPatches(image, places, imageProcessor);
}

/** Of the view that shows the whole image; what queries see in its slices or quarters is not shown. */
function spreadOfQueries(
  { grid, size }: Placed,
  places: readonly number[],
  looks: readonly QueryAttention[],
  imageProcessor: ImageProcessor,
): Spread {
  const { numQueries } = looks[0]!;
  const { rows, columns } = viewsOf(grid).at(wholeOf(grid))!;
  const maps = queryMaps(looks, rows * columns);
  return {
    ...{ rows, columns, area: areaOf({ rows, columns }, size, imageProcessor) },
    places: wholeOf(grid) === 0 ? places.slice(0, numQueries) : places.slice(-numQueries),
    add: (weights, row, share) => {
      for (const [cell, part] of maps[row]!.entries()) weights[cell]! += share * part;
    },
  };
}

/** Blocks of merge × merge patches are a row each, in raster order, part by part. */
function spreadOfPatches(image: Placed, places: readonly number[], imageProcessor: ImageProcessor): Spread {
  const { grid, spans, size, pair } = image;
  const cut = cutOf(grid, imageProcessor);
  const merge = Math.sqrt(numPatches(grid, imageProcessor) / numRows({ spans }));
  const merged = ({ rows, columns }: Cells) => ({ rows: rows / merge, columns: columns / merge });
  const cells = merged(grid);
  if (pair || grid.quarters || !isWhole(cells) || (cut && !isWhole(merged(cut.part)))) throw unplaced();
  const { left, top, width, height } = areaOf(grid, size, imageProcessor);
  const area = { left: left / merge, top: top / merge, width: width / merge, height: height / merge };
  const add = cut ? adderOf(cells, merged(cut.part), cut.whole && { ...cut.whole, ...merged(cut.whole) }) : addOne;
  return { ...cells, area, places, add };
}

const isWhole = ({ rows, columns }: Cells) => Number.isInteger(rows) && Number.isInteger(columns);
const addOne: Spread["add"] = (weights, row, share) => {
  weights[row]! += share;
};

function adderOf(cells: Cells, part: Cells, whole: (Cells & { readonly isFirst: boolean }) | undefined): Spread["add"] {
  const numCells = cells.rows * cells.columns;
  const numWhole = whole ? whole.rows * whole.columns : 0;
  const firstOfParts = whole?.isFirst ? numWhole : 0;
  const firstOfWhole = whole?.isFirst ? 0 : numCells;
  return (weights, row, share) => {
    const [inParts, inWhole] = [row - firstOfParts, row - firstOfWhole];
    if (inParts >= 0 && inParts < numCells) {
      const [y, x] = placeInParts(inParts, cells.columns, part);
      weights[y * cells.columns + x]! += share;
      return;
    }
    const { rows, columns } = whole!;
    for (const [y, down] of covered(Math.floor(inWhole / columns), rows, cells.rows))
      for (const [x, across] of covered(inWhole % columns, columns, cells.columns))
        weights[y * cells.columns + x]! += share * down * across;
  };
}

/** Piece `at` of `numPieces` equal ones of a side of so many cells → the cells that it covers, and how much of it is in each. */
function covered(at: number, numPieces: number, numCells: number): [cell: number, share: number][] {
  const [from, to] = [(at * numCells) / numPieces, ((at + 1) * numCells) / numPieces];
  const first = Math.floor(from);
  return Array.from({ length: Math.ceil(to) - first }, (_, i): [number, number] => {
    const cell = first + i;
    return [cell, (Math.min(to, cell + 1) - Math.max(from, cell)) / (to - from)];
  });
}

function unplaced(): OcellusError {
  return new OcellusError(
    "unsupported",
    "attention: this model's tokens of frames, or of an image that it cuts, are not placed on it here; try an image that it does not cut",
    { details: { param: "messages", expected: "an image in one piece" } },
  );
}

/** @param row what a token gave to each place of the prompt */
export function lookOf(row: Float32Array, { rows, columns, area, places, add }: Spread): TokenLook {
  const weights = new Float32Array(rows * columns);
  for (const [i, place] of places.entries()) add(weights, i, row[place]!);
  return { rows, columns, area, weights };
}
