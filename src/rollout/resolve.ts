/**
 * Which version answers: a pure function of the state, the name asked for and who asks. The split is by a hash, so that every
 * process agrees without talking, and a share that grows keeps everybody it already had.
 */
import { createHash } from "node:crypto";
import type { RegistryState } from "./state.js";

export interface Resolution {
  readonly tag: string;
  readonly alias?: string;
  readonly role: "named" | "stable" | "canary";
  /** For people: `prod: canary at 5 %`. */
  readonly reason: string;
}

/**
 * @param name an alias or a version's tag
 * @param unit who the split is sticky for: a conversation, a user or a key
 * @returns undefined when neither an alias nor a version has that name
 */
export function resolveName(state: RegistryState, name: string, unit: string): Resolution | undefined {
  const alias = state.aliases.get(name);
  if (!alias)
    return state.versions.has(name) ? { tag: name, role: "named", reason: "asked for by its tag" } : undefined;
  const { canary } = alias;
  if (!canary) return { tag: alias.tag, alias: name, role: "stable", reason: `${name} serves it` };
  const percent = `${Number((canary.share * 100).toFixed(2))} %`;
  return splitPoint(name, canary.seq, unit) < canary.share
    ? { tag: canary.tag, alias: name, role: "canary", reason: `${name}: canary with ${percent} of the traffic` }
    : { tag: alias.tag, alias: name, role: "stable", reason: `${name}: not in the canary's ${percent}` };
}

/** Of a unit among those whose answers are counted, below 2^30: independent of the split, and no way back to who it is. */
export function markOf(alias: string, unit: string): number {
  return hash(["counted", alias, unit]).readUInt32BE(0) >>> 2;
}

/** In [0, 1), uniform over units; independent between canaries, so that not always the same people try what is new. */
export function splitPoint(alias: string, canarySeq: number, unit: string): number {
  return hash([alias, canarySeq, unit]).readUIntBE(0, 6) / 2 ** 48;
}

function hash(parts: readonly (string | number)[]): Buffer {
  return createHash("sha256").update(JSON.stringify(parts)).digest();
}
