/** Matrices → their four-bit codes, rows shared out among threads. The factors of their columns are in memory that all threads see. */
import { defaultThreads } from "../backend/index.js";
import { throwIfAborted } from "../base/index.js";
import type { ColumnSpan, QuantizedRows, WeightsSource } from "../quantize/index.js";
import { type BlockFormat, toFloat32 } from "../tensor/index.js";
import { TypedWorker } from "../worker/index.js";
import type { RoundingMethods } from "./rounding-worker.js";

/** Elements that a thread gets at once: 4 MB. */
const jobElements = 2 ** 20;

export interface RoundingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly threads?: number | undefined;
}

/** Of one matrix. */
export interface RoundedMatrix {
  readonly tensor: string;
  /** In the order of the rows. */
  readonly parts: readonly QuantizedRows[];
}

export class RoundingThreads {
  readonly #workers: readonly TypedWorker<RoundingMethods>[];
  readonly #signal: AbortSignal | undefined;

  constructor({ signal, threads = defaultThreads() }: RoundingOptions) {
    this.#signal = signal;
    this.#workers = Array.from(
      { length: threads },
      () =>
        new TypedWorker<RoundingMethods>({ script: ["rounding-worker", import.meta.url], name: "a rounding thread" }),
    );
  }

  async factor(spans: readonly ColumnSpan[]): Promise<void> {
    await this.#share(spans, (worker, span) => worker.call("factor", [span], { signal: this.#signal }));
  }

  async round(source: WeightsSource, tensor: string, spans: readonly ColumnSpan[], format: BlockFormat) {
    const { shape, dtype } = source.info(tensor)!;
    const [rows, columns] = shape as [number, number];
    const step = Math.max(1, Math.floor(jobElements / columns));
    const starts = Array.from({ length: Math.ceil(rows / step) }, (_, i) => i * step);
    const parts = await this.#share(starts, async (worker, firstRow) => {
      const count = Math.min(step, rows - firstRow);
      const bytes = await source.readRange(tensor, firstRow * columns, (firstRow + count) * columns);
      const values = toFloat32(bytes, dtype);
      const job = { values, rows: count, columns, origin: { tensor, firstRow } };
      return worker.call("round", [job, spans, format], { signal: this.#signal });
    });
    return { tensor, parts } satisfies RoundedMatrix;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  /** Each job by the next thread that is free. */
  async #share<J, R>(
    jobs: readonly J[],
    run: (worker: TypedWorker<RoundingMethods>, job: J) => Promise<R>,
  ): Promise<R[]> {
    const results: R[] = [];
    let next = 0;
    const work = async (worker: TypedWorker<RoundingMethods>) => {
      while (next < jobs.length) {
        throwIfAborted(this.#signal);
        const at = next++;
        results[at] = await run(worker, jobs[at]!);
      }
    };
    await Promise.all(this.#workers.map(work));
    return results;
  }
}
