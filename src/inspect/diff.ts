/**
 * What differs between two checkpoints: configs, names, shapes and dtypes from the headers, then every value in one
 * streaming pass. Symmetric: with A and B exchanged, what was added is removed and every measure is the same.
 */
import { groupBy } from "../core/base/index.js";
import { openCheckpoint } from "../core/checkpoint/index.js";
import { elementCount, sameShape, type TensorInfo } from "../core/tensor/index.js";
import type { CheckpointDiff, ModuleChange, PartChange, TensorChange, ValueChanges } from "./change.js";
import { configChanges } from "./config-diff.js";
import { summarise } from "./diff-summary.js";
import type { DifferenceJob } from "./job.js";
import { type LowRank, lowRankOf } from "./low-rank.js";
import { familyIn, type Pair, type Pairing, pairTensors } from "./pairing.js";
import { type PassOptions, runPass } from "./pass.js";
import { type NotFinite, type PieceDifference, sketchRows } from "./piece-difference.js";
import { piecesOf } from "./pieces.js";
import { type PartKind, partKinds, partTeller, partTitle, placeOf } from "./place.js";

export interface DiffOptions extends PassOptions {
  /** Headers and configs only. */
  readonly quick?: boolean;
}

/** @throws what `openCheckpoint` throws, for either; `invalid_config` for a config that is not JSON; `aborted`. */
export async function diffCheckpoints(a: string, b: string, options: DiffOptions = {}): Promise<CheckpointDiff> {
  const one = await openCheckpoint(a);
  try {
    const other = await openCheckpoint(b);
    try {
      const pairing = await pairTensors(one, other);
      const headers = { a, b, configs: await configChanges(one, other), ...headerChanges(pairing) };
      const values = options.quick
        ? undefined
        : await valueChanges([a, b], pairing.both, partTeller(await familyIn(one)), options);
      return { ...headers, ...values, ...summarise(headers, values) };
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

function headerChanges({ both, added, removed }: Pairing) {
  return {
    added,
    removed,
    respelled: both.filter(([x, y]) => x.name !== y.name).map(([x, y]) => ({ a: x.name, b: y.name })),
    reshaped: both
      .filter(([x, y]) => !sameShape(x.shape, y.shape))
      .map(([x, y]) => ({ name: x.name, a: x.shape, b: y.shape })),
    retyped: both.filter(([x, y]) => x.dtype !== y.dtype).map(([x, y]) => ({ name: x.name, a: x.dtype, b: y.dtype })),
  };
}

/** Wider rows than the widest feed-forward of published models are not what adapters change; 16 MB a sketch. */
const maxSketchColumns = 2 ** 15;

async function valueChanges(
  paths: readonly [string, string],
  both: readonly Pair[],
  partOf: (name: string) => PartKind,
  options: PassOptions,
): Promise<ValueChanges> {
  const comparable = both.filter(([a, b]) => sameShape(a.shape, b.shape));
  const sums = new Map(comparable.map(([info]) => [info.name, new DifferenceSum(info, partOf(info.name))]));
  const jobs = comparable.flatMap(([info, { name: otherName }]) =>
    piecesOf(info).map((piece): DifferenceJob => {
      const withSketch = info.shape.length >= 2 && piece.columns > 1 && piece.columns <= maxSketchColumns;
      return { kind: "difference", paths, piece, otherName, withSketch };
    }),
  );
  await runPass(jobs, (result, { piece }) => sums.get(piece.name)!.add(result, piece.end - piece.start), options);
  const all = [...sums.values()];
  const broken = ({ notFinite, numElements }: TensorChange) => notFinite.changed / Math.max(1, numElements);
  const tensors = all.map((sum) => sum.change()).sort((x, y) => broken(y) - broken(x) || y.relative - x.relative);
  return { parts: partChanges(all), modules: moduleChanges(all), tensors };
}

function partChanges(all: readonly DifferenceSum[]): PartChange[] {
  const groups = groupBy(all, ({ part }) => part);
  const ordered = groups.sort(([x], [y]) => partKinds.indexOf(x) - partKinds.indexOf(y));
  return ordered.map(([part, of]) => ({
    part,
    title: partTitle(
      part,
      of.map(({ info }) => info.name),
    ),
    ...together(of),
  }));
}

function moduleChanges(all: readonly DifferenceSum[]): ModuleChange[] {
  const moduleOf = ({ info: { name } }: DifferenceSum) => {
    const { stack, layer } = placeOf(name);
    return layer === undefined ? stack : `${stack}.${layer}`;
  };
  const changes = groupBy(all, moduleOf).map(([module, of]) => ({
    ...{ module, part: of[0]!.part },
    ...together(of),
  }));
  return changes.sort((x, y) => x.module.localeCompare(y.module, "en", { numeric: true }));
}

function together(of: readonly DifferenceSum[]): Omit<PartChange, "part" | "title"> {
  return {
    numTensors: of.length,
    numChanged: of.filter(({ isEqual }) => !isEqual).length,
    relative: relativeOf(total(of, "squares"), total(of, "squaresA"), total(of, "squaresB")),
    notFinite: of.reduce((sum, { notFinite }) => addNotFinite(sum, notFinite), noneNotFinite),
  };
}

function total(sums: readonly DifferenceSum[], key: "squares" | "squaresA" | "squaresB"): number {
  return sums.reduce((sum, each) => sum + each[key], 0);
}

function relativeOf(squares: number, squaresA: number, squaresB: number): number {
  const most = Math.max(squaresA, squaresB);
  return most === 0 ? 0 : Math.sqrt(squares / most);
}

const noneNotFinite: NotFinite = { a: 0, b: 0, changed: 0 };

function addNotFinite(x: NotFinite, y: NotFinite): NotFinite {
  return { a: x.a + y.a, b: x.b + y.b, changed: x.changed + y.changed };
}

/** Adds the pieces of one tensor, in any order; the sketch is let go with the last one. */
class DifferenceSum {
  isEqual = true;
  squares = 0;
  squaresA = 0;
  squaresB = 0;
  notFinite = noneNotFinite;
  #maxAbs = 0;
  #numChanged = 0;
  #numChangedRows = 0;
  #numLeft: number;
  #sketch: Float32Array | undefined;
  #lowRank: LowRank | undefined;

  constructor(
    readonly info: TensorInfo,
    readonly part: PartKind,
  ) {
    this.#numLeft = elementCount(info.shape);
  }

  add(piece: PieceDifference, numElements: number): void {
    this.isEqual &&= piece.isEqual;
    this.squares += piece.squares;
    this.squaresA += piece.squaresA;
    this.squaresB += piece.squaresB;
    this.#maxAbs = Math.max(this.#maxAbs, piece.maxAbs);
    this.#numChanged += piece.numChanged;
    this.notFinite = addNotFinite(this.notFinite, piece.notFinite);
    this.#numChangedRows += piece.numChangedRows;
    if (piece.sketch.length > 0) this.#addSketch(piece.sketch);
    this.#numLeft -= numElements;
    if (this.#numLeft === 0) this.#judge();
  }

  #addSketch(sketch: Float32Array): void {
    this.#sketch ??= new Float32Array(sketch.length);
    for (let i = 0; i < sketch.length; i++) this.#sketch[i]! += sketch[i]!;
  }

  #judge(): void {
    const rows = this.info.shape[0] ?? 0;
    if (this.#sketch && 2 * this.#numChangedRows >= rows)
      this.#lowRank = lowRankOf(this.#sketch, rows, this.#sketch.length / sketchRows);
    this.#sketch = undefined;
  }

  change(): TensorChange {
    const { name, shape } = this.info;
    return {
      ...{ name, part: this.part, shape, isEqual: this.isEqual },
      relative: relativeOf(this.squares, this.squaresA, this.squaresB),
      maxAbs: this.#maxAbs,
      numElements: elementCount(shape),
      numChanged: this.#numChanged,
      notFinite: this.notFinite,
      ...(this.#lowRank && { lowRank: this.#lowRank }),
    };
  }
}
