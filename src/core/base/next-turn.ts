/** Lets what waits for its turn on this thread have it, before long work continues. */
export function nextTurn(): Promise<void> {
  const { setImmediate: soon } = globalThis as Partial<Pick<typeof globalThis, "setImmediate">>; // not in browsers
  return new Promise((resume) => void (soon ? soon(resume) : soonInBrowser(resume)));
}

let channel: InstanceType<typeof MessageChannel> | undefined;
const waiting: (() => void)[] = [];

/** By a message to ourselves: browsers hold timers back, by 4 ms in a worker and by a second in a page that is not seen. */
function soonInBrowser(resume: () => void): void {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.addEventListener("message", () => waiting.shift()!());
    channel.port1.start();
  }
  waiting.push(resume);
  channel.port2.postMessage(undefined);
}
