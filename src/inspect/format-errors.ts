/** What each format loses of each matrix of a model, in one streaming pass on all cores. */
import { openCheckpoint } from "../core/checkpoint/index.js";
import { type MatrixGroup, readModel, type SourceModel } from "../core/pack/index.js";
import type { WeightFormat } from "../core/tensor/index.js";
import type { ErrorsJob } from "./job.js";
import { type PassOptions, runPass } from "./pass.js";
import type { PieceErrors } from "./piece-errors.js";
import { piecesOf } from "./pieces.js";

/** A matrix, the formats to try on it, and how large what it is multiplied with is. */
export interface MatrixQuery {
  readonly group: MatrixGroup;
  readonly formats: readonly WeightFormat[];
  /** Mean square of each input channel [columns]. Default: all alike, which measures the error of the weights. */
  readonly energies?: Float32Array;
}

/** Of one tensor. */
export interface TensorErrors {
  readonly name: string;
  /** Σ energy·w² */
  readonly signal: number;
  /** In the order of the formats asked for. */
  readonly errors: readonly FormatError[];
}

export interface FormatError {
  readonly format: WeightFormat;
  /** √(Σ energy·(w − ŵ)² / Σ energy·w²): error over size, of the weights or of what the product gives. */
  readonly relative: number;
  readonly maxAbs: number;
  /** Σ energy·(w − ŵ)² */
  readonly noise: number;
}

/** Tensors in the order of the queries. @throws `invalid_file` naming the place of NaN and infinity; `aborted`. */
export async function formatErrors(
  path: string,
  queries: readonly MatrixQuery[],
  options: PassOptions,
): Promise<TensorErrors[]> {
  const checkpoint = await openCheckpoint(path);
  const model = await readModel(checkpoint).finally(() => checkpoint.close());
  const sums = new Map<string, ErrorSum>();
  const jobs = queries.flatMap((query) => query.group.tensors.flatMap((name) => jobsOf(path, model, name, query)));
  for (const { query, piece } of jobs) sums.set(piece.name, new ErrorSum(query.formats));
  await runPass(jobs, (result, job) => sums.get(job.piece.name)!.add(result), options);
  return [...sums].map(([name, sum]) => ({ name, signal: sum.signal, errors: sum.finish() }));
}

function jobsOf(path: string, { weights }: SourceModel, name: string, query: MatrixQuery): ErrorsJob[] {
  const { group, formats, energies } = query;
  const info = { ...weights.info(name)!, shape: [weights.info(name)!.shape[0]!, group.columns] };
  return piecesOf(info).map((piece) => ({
    kind: "errors",
    path,
    piece,
    query: { name, columns: group.columns, formats, ...(energies && { energies }) },
  }));
}

class ErrorSum {
  readonly #formats: readonly WeightFormat[];
  readonly #noise: number[];
  readonly #maxAbs: number[];
  signal = 0;

  constructor(formats: readonly WeightFormat[]) {
    this.#formats = formats;
    this.#noise = formats.map(() => 0);
    this.#maxAbs = formats.map(() => 0);
  }

  add({ signal, formats }: PieceErrors): void {
    this.signal += signal;
    for (const [i, { noise, maxAbs }] of formats.entries()) {
      this.#noise[i]! += noise;
      this.#maxAbs[i] = Math.max(this.#maxAbs[i]!, maxAbs);
    }
  }

  finish(): FormatError[] {
    return this.#formats.map((format, i) => ({
      format,
      relative: this.signal === 0 ? 0 : Math.sqrt(this.#noise[i]! / this.signal),
      maxAbs: this.#maxAbs[i]!,
      noise: this.#noise[i]!,
    }));
  }
}
