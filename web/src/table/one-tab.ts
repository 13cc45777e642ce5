/**
 * One tab asks about the table at a time, at the server's pace. A lock of the browser says which: it ends with its tab, however that
 * ends. Origins without https have no locks; there two tabs may ask about the same rows, and the later answer stays.
 */
const name = "ocellus-table-run";
const locks = navigator.locks as LockManager | undefined;
const tabs = new BroadcastChannel(name);

/** @returns false, and does nothing, while another tab is at it. */
export async function asOnlyTab(run: () => Promise<void>): Promise<boolean> {
  const held = async (lock: unknown) => {
    if (!lock) return false;
    tabs.postMessage("start");
    await run();
    return true;
  };
  return locks ? locks.request(name, { ifAvailable: true }, held) : held(true);
}

export function onStartElsewhere(call: () => void): void {
  tabs.onmessage = call;
}

/** @param say is called with true if another tab asks now, and with false when it has ended. */
export async function askedElsewhere(say: (isElsewhere: boolean) => void): Promise<void> {
  const { held = [] } = (await locks?.query()) ?? {};
  if (!held.some((lock) => lock.name === name && lock.mode === "exclusive")) return;
  say(true);
  await locks!.request(name, { mode: "shared" }, () => {});
  say(false);
}
