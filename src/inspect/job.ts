/**
 * The work on one piece of a checkpoint, which a worker thread or the process itself can do. Jobs and results are plain
 * data: they travel between threads.
 */
import { type Checkpoint, openCheckpoint } from "../checkpoint/index.js";
import { countPiece, type PieceStatistics } from "./piece-statistics.js";
import type { Piece } from "./pieces.js";

export interface StatisticsJob {
  readonly kind: "statistics";
  readonly path: string;
  readonly piece: Piece;
  /** The int4 error is measured on one row of so many; 0: not at all. */
  readonly int4RowStep: number;
}

export type Job = StatisticsJob;

export type JobResult<J extends Job> = J extends StatisticsJob ? PieceStatistics : never;

/** Keeps the checkpoints open that its jobs name. */
export class JobRunner {
  readonly #open = new Map<string, Promise<Checkpoint>>();

  async run<J extends Job>(job: J): Promise<JobResult<J>> {
    return (await this.#statistics(job)) as JobResult<J>;
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

  #checkpoint(path: string): Promise<Checkpoint> {
    const open = this.#open.get(path) ?? openCheckpoint(path);
    this.#open.set(path, open);
    return open;
  }
}
