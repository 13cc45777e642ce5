/** Something that is opened from several parts: it is there as a whole, or nothing of it stays open. */
interface Closable {
  close(): Promise<void> | void;
}

/** Hands the part on, and remembers to close it if the whole does not come about. */
export type Keep = <T extends Closable | undefined>(opening: Promise<T>) => Promise<T>;

/** @throws what `build` throws, once every part that was kept is closed, the last one first */
export async function openWhole<T>(build: (keep: Keep) => Promise<T>): Promise<T> {
  const kept: Promise<Closable | undefined>[] = [];
  try {
    return await build((opening) => {
      kept.push(opening);
      return opening;
    });
  } catch (error) {
    for (const opening of kept.reverse()) {
      const [settled] = await Promise.allSettled([opening]);
      if (settled.status === "fulfilled") await settled.value?.close();
    }
    throw error;
  }
}
