/** Statistics of the tensors of a checkpoint, by name or pattern, in one streaming pass on all cores. */
import { globMatcher, nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import { openCheckpoint } from "../core/checkpoint/index.js";
import type { TensorInfo } from "../core/tensor/index.js";
import type { StatisticsJob } from "./job.js";
import { type PassOptions, runPass } from "./pass.js";
import { type Piece, piecesOf } from "./pieces.js";
import { StatisticsSum, type TensorStatistics } from "./tensor-statistics.js";

export interface StatisticsOptions extends PassOptions {
  /** Names that hold this text; with * and ?, names that match from end to end. Default: all. */
  readonly pattern?: string;
}

/** Rows of a tensor on which the int4 error is measured: enough for two digits of a tensor's error. */
const maxInt4Rows = 256;

/**
 * In the order of the checkpoint.
 * @throws `not_found` when the pattern names no tensor; `aborted`; what `openCheckpoint` throws.
 */
export async function tensorStatistics(path: string, options: StatisticsOptions = {}): Promise<TensorStatistics[]> {
  const infos = await chosenTensors(path, options.pattern);
  const sums = new Map(infos.map((info) => [info.name, new StatisticsSum(info)]));
  const jobs = infos.flatMap((info) => piecesOf(info).map((piece) => jobOf(path, info, piece)));
  await runPass(jobs, (result, { piece }) => sums.get(piece.name)!.add(result, piece.end - piece.start), options);
  return [...sums.values()].map((sum) => sum.finish());
}

function jobOf(path: string, { shape }: TensorInfo, piece: Piece): StatisticsJob {
  const isMatrix = shape.length >= 2 && piece.columns > 1;
  const int4RowStep = isMatrix ? Math.ceil(shape[0]! / maxInt4Rows) : 0;
  return { kind: "statistics", path, piece, int4RowStep };
}

async function chosenTensors(path: string, pattern: string | undefined): Promise<TensorInfo[]> {
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close(); // names and shapes outlive it
  const names = [...checkpoint.names()];
  const chosen = pattern === undefined ? names : names.filter(matcher(pattern));
  if (chosen.length === 0 && pattern !== undefined)
    throw new OcellusError("not_found", `no tensor of ${path} matches ${pattern}${nearestHint(pattern, names)}`, {
      details: { path, pattern, nearest: nearestNames(pattern, names) },
    });
  return chosen.map((name) => checkpoint.info(name)!);
}

function matcher(pattern: string): (name: string) => boolean {
  return /[*?]/.test(pattern) ? globMatcher(pattern, { separator: "" }) : (name) => name.includes(pattern);
}
