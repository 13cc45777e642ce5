/** Lets what waits for its turn on this thread have it, before long work continues. */
export function nextTurn(): Promise<void> {
  const { setImmediate: soon } = globalThis as Partial<Pick<typeof globalThis, "setImmediate">>; // not in browsers
  return new Promise((resume) => void (soon ? soon(resume) : setTimeout(resume)));
}
