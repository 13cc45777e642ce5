/**
 * The work on one piece of a checkpoint, which a worker thread or the process itself can do. Jobs and results are plain
 * data: they travel between threads.
 */
import { type Checkpoint, openCheckpoint } from "../core/checkpoint/index.js";
import { readModel, type SourceModel } from "../core/pack/index.js";
import { toFloat32 } from "../core/tensor/index.js";
import { comparePiece, type PieceDifference } from "./piece-difference.js";
import { type ErrorQuery, measurePiece, type PieceErrors } from "./piece-errors.js";
import { countPiece, type PieceStatistics } from "./piece-statistics.js";
import type { Piece } from "./pieces.js";

export interface StatisticsJob {
  readonly kind: "statistics";
  readonly path: string;
  readonly piece: Piece;
  /** The int4 error is measured on one row of so many; 0: not at all. */
  readonly int4RowStep: number;
}

/** What formats would lose; the piece is of a matrix in the family's spelling, whoever quantised it before. */
export interface ErrorsJob {
  readonly kind: "errors";
  readonly path: string;
  readonly piece: Piece;
  readonly query: ErrorQuery;
}

/** The same piece of two checkpoints. */
export interface DifferenceJob {
  readonly kind: "difference";
  readonly paths: readonly [string, string];
  readonly piece: Piece;
  /** What the second calls the tensor. */
  readonly otherName: string;
  readonly withSketch: boolean;
}

export type Job = StatisticsJob | ErrorsJob | DifferenceJob;

interface Results {
  readonly statistics: PieceStatistics;
  readonly errors: PieceErrors;
  readonly difference: PieceDifference;
}

export type JobResult<J extends Job> = Results[J["kind"]];

/** Keeps the checkpoints open that its jobs name. */
export class JobRunner {
  readonly #open = new Map<string, Promise<Checkpoint>>();
  readonly #models = new Map<string, Promise<SourceModel>>();
  readonly #runs = {
    statistics: (job: StatisticsJob) => this.#statistics(job),
    errors: (job: ErrorsJob) => this.#errors(job),
    difference: (job: DifferenceJob) => this.#difference(job),
  };

  async run<J extends Job>(job: J): Promise<JobResult<J>> {
    return this.#runs[job.kind](job as never) as Promise<JobResult<J>>;
  }

  async close(): Promise<void> {
    for (const checkpoint of this.#open.values()) await (await checkpoint).close();
  }

  async #statistics({ path, piece, int4RowStep }: StatisticsJob): Promise<PieceStatistics> {
    const checkpoint = await this.#checkpoint(path);
    const { dtype } = checkpoint.info(piece.name)!;
    const bytes = await checkpoint.readRange(piece.name, piece.start, piece.end);
    return countPiece(bytes, { dtype, columns: piece.columns, int4RowStep });
  }

  async #errors({ path, piece, query }: ErrorsJob): Promise<PieceErrors> {
    const { weights } = await this.#model(path);
    const { dtype } = weights.info(piece.name)!;
    const bytes = await weights.readRange(piece.name, piece.start, piece.end);
    return measurePiece(toFloat32(bytes, dtype), piece.start / piece.columns, query);
  }

  async #difference({ paths, piece, otherName, withSketch }: DifferenceJob): Promise<PieceDifference> {
    const [a, b] = await Promise.all([this.#checkpoint(paths[0]), this.#checkpoint(paths[1])]);
    const { name, start, end, columns } = piece;
    const bytes = [await a.readRange(name, start, end), await b.readRange(otherName, start, end)] as const;
    const dtypes = [a.info(name)!.dtype, b.info(otherName)!.dtype] as const;
    const firstRow = columns === 0 ? 0 : start / columns;
    return comparePiece(...bytes, { dtypes, columns, firstRow, withSketch });
  }

  #checkpoint(path: string): Promise<Checkpoint> {
    const open = this.#open.get(path) ?? openCheckpoint(path);
    this.#open.set(path, open);
    return open;
  }

  #model(path: string): Promise<SourceModel> {
    const model = this.#models.get(path) ?? this.#checkpoint(path).then(readModel);
    this.#models.set(path, model);
    return model;
  }
}
