/** What servers make of a command about versions: they say so in the registry, and whoever gave the command waits for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { OcellusError } from "../../../core/base/index.js";
import { aliasOf, type Registry, type ServerReport } from "../../../rollout/index.js";

/** Twice what a server takes to hear of a command; one that has said nothing by then was killed. */
const firstWordMs = 2000;
const lookMs = 200;
/** A large model may be packed first; one that loads for longer was killed at it. */
const mostMs = 15 * 60_000;

/**
 * @returns what each server that follows the registry has said of the alias as it is now; nothing where there is none
 * @throws `unavailable` when a server could not do it, with its reason
 */
export async function outcomeOf(registry: Registry, name: string, signal: AbortSignal): Promise<ServerReport[]> {
  const alias = aliasOf(registry.state, name);
  const seq = await lastChange(registry, name);
  const started = performance.now();
  for (;;) {
    const all = await registry.reports.read();
    const said = all.filter((report) => report.alias === name && report.seq >= seq);
    if (aliasOf(await registry.refresh(), name) !== alias) await checkNotTakenBack(registry, name, seq);
    const failed = said.find(({ state }) => state === "failed");
    if (failed)
      throw new OcellusError("unavailable", `${failed.server}: ${failed.detail}`, {
        details: { server: failed.server, reason: failed.detail },
      });
    const waitedMs = performance.now() - started;
    const isSettled = !said.some(({ state }) => state === "loading") || waitedMs > mostMs;
    const isComplete = new Set(all.map(({ server }) => server)).size === said.length;
    if ((isSettled && (isComplete || waitedMs > firstWordMs)) || signal.aborted) return said;
    await sleep(lookMs, undefined, { signal }).catch(() => {}); // Ctrl-C ends the waiting; the command is given
  }
}

async function lastChange(registry: Registry, name: string): Promise<number> {
  const changes = (await registry.history()).filter(({ event }) => "alias" in event && event.alias === name);
  return changes.at(-1)!.seq;
}

async function checkNotTakenBack(registry: Registry, name: string, seq: number): Promise<void> {
  for (const entry of await registry.history()) {
    const { event, actor } = entry;
    if (entry.seq <= seq || actor !== "server" || !("alias" in event) || event.alias !== name) continue;
    const why = "reason" in event && event.reason !== undefined ? `: ${event.reason}` : "";
    throw new OcellusError("unavailable", `a server has taken it back${why}`, { details: { reason: why } });
  }
}
