/** A pool of workers over a list: results in the list's order; the first error ends it. */

export async function mapConcurrently<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  let failed = false;
  const worker = async () => {
    for (const [i, item] of queue) {
      if (failed) return;
      results[i] = await work(item);
    }
  };
  const workers = Array.from({ length: Math.min(concurrency, items.length) }, () =>
    worker().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  // All have stopped before the caller goes on: it may close what they use.
  const settled = await Promise.allSettled(workers);
  const broken = settled.find((s) => s.status === "rejected");
  if (broken) throw broken.reason;
  return results;
}

/** The same over a source that is read as it is needed, without results. */
export async function forEachConcurrently<T>(
  source: AsyncGenerator<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let failed = false;
  const worker = async () => {
    for await (const item of shared(source)) {
      if (failed) return;
      await work(item);
    }
  };
  const workers = Array.from({ length: concurrency }, () =>
    worker().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  const settled = await Promise.allSettled(workers);
  await source.return(undefined);
  const broken = settled.find((s) => s.status === "rejected");
  if (broken) throw broken.reason;
}

/** One of several readers: when it leaves, the source stays open for the others. */
function shared<T>(source: AsyncGenerator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}
