/** Work on all items of a source, a few at a time; a source of any length is read as items are needed. */

type Source<T> = readonly T[] | AsyncGenerator<T>;

/**
 * Results in the order of the items. All work has stopped before the caller continues, who may close what it uses.
 * @throws the first error: no further work begins.
 */
export async function mapConcurrently<T, R>(
  source: Source<T>,
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const items = Symbol.asyncIterator in source ? source : source.values();
  const results: R[] = [];
  let numTaken = 0;
  let failed = false;
  const worker = async () => {
    try {
      while (!failed) {
        const i = numTaken++;
        const { done, value } = await items.next();
        if (done || failed) return;
        results[i] = await work(value);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  await items.return?.(undefined);
  const broken = settled.find((s) => s.status === "rejected");
  if (broken) throw broken.reason;
  return results;
}
