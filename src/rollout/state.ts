/** The state that a journal means: a fold, and nothing else. Two processes that read the same journal agree. */
import { invariant } from "../core/base/index.js";
import type { Comparison } from "./comparison.js";
import type { JournalEntry, RolloutPlan } from "./events.js";
import { type Manifest, manifestDigest } from "./manifest.js";

export interface Version {
  readonly manifest: Manifest;
  readonly digest: string;
  /** The entry that published it. */
  readonly seq: number;
}

export interface Canary {
  readonly tag: string;
  readonly share: number;
  readonly plan: RolloutPlan;
  readonly isPaused: boolean;
  /** The entry that began it: a second canary of the same version draws its users again. */
  readonly seq: number;
  /** The entry that set the present share: evidence is counted from there. */
  readonly stepSeq: number;
  /** When that was. */
  readonly stepAt: number;
}

export interface Alias {
  readonly name: string;
  /** What is served to all but the canary's share. */
  readonly tag: string;
  /** When it came to be served. */
  readonly since: number;
  /** The versions before, the newest first: a rollback without a canary goes to the first. */
  readonly previous: readonly string[];
  /** Those of them that were tried again since, and turned back: no conversation continues with them. */
  readonly turnedBack?: readonly string[] | undefined;
  readonly canary?: Canary | undefined;
  readonly shadow?: string | undefined;
  /** Part of the stable version's answers whose question the shadow is asked too; all, where it is not said. */
  readonly shadowShare?: number | undefined;
}

export interface RegistryState {
  /** Of the last entry; 0 for an empty journal. */
  readonly seq: number;
  readonly versions: ReadonlyMap<string, Version>;
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Tags that were removed: never given again, they would mean other bytes. */
  readonly retired: ReadonlySet<string>;
  /** The newest of each version that is or was a shadow. */
  readonly comparisons: ReadonlyMap<string, Comparison>;
}

export const emptyState: RegistryState = {
  ...{ seq: 0, versions: new Map(), aliases: new Map() },
  ...{ retired: new Set(), comparisons: new Map() },
};

/** Deployments whose files are kept for a way back. */
const keptDeployments = 5;

export function replay(entries: Iterable<JournalEntry>, from: RegistryState = emptyState): RegistryState {
  let state = from;
  for (const entry of entries) state = apply(state, entry);
  return state;
}

/** The state after one more entry; the one before is not changed. */
export function apply(state: RegistryState, { seq, at, event }: JournalEntry): RegistryState {
  invariant(seq === state.seq + 1, `journal entry ${seq} does not follow ${state.seq}`, {
    expected: state.seq + 1,
    found: seq,
  });
  const next = { ...state, seq };
  switch (event.kind) {
    case "published": {
      const version = { manifest: event.manifest, digest: manifestDigest(event.manifest), seq };
      return { ...next, versions: new Map(state.versions).set(event.manifest.tag, version) };
    }
    case "removed": {
      const versions = new Map(state.versions);
      versions.delete(event.tag);
      const comparisons = new Map(state.comparisons);
      comparisons.delete(event.tag);
      return { ...next, versions, comparisons, retired: new Set(state.retired).add(event.tag) };
    }
    case "compared":
      return { ...next, comparisons: new Map(state.comparisons).set(event.tag, event.comparison) };
    default: {
      const alias = changeAlias(state.aliases.get(event.alias), seq, at, event);
      return { ...next, aliases: new Map(state.aliases).set(event.alias, alias) };
    }
  }
}

type AliasEvent = Exclude<Extract<JournalEntry["event"], { alias: string }>, { kind: "compared" }>;

function changeAlias(alias: Alias | undefined, seq: number, at: number, event: AliasEvent): Alias {
  if (event.kind === "deployed") {
    const { canary: _, ...rest } = alias ?? { name: event.alias };
    return { ...rest, ...serve(alias, event.tag, at) };
  }
  invariant(alias, `${event.kind} for ${event.alias}, which was never deployed`);
  const { canary } = alias;
  switch (event.kind) {
    case "canary_started": {
      const { tag, plan } = event;
      return { ...alias, canary: { tag, plan, share: plan.steps[0]!, isPaused: false, seq, stepSeq: seq, stepAt: at } };
    }
    case "share_changed":
      return { ...alias, canary: canary && { ...canary, share: event.share, stepSeq: seq, stepAt: at } };
    case "paused":
    case "resumed":
      return { ...alias, canary: canary && { ...canary, isPaused: event.kind === "paused" } };
    case "promoted":
      return { ...alias, ...serve(alias, event.tag, at), canary: undefined };
    case "rolled_back":
      if (event.to !== alias.tag) return { ...alias, ...stepBack(alias, event.to, at), canary: undefined };
      return { ...alias, ...turnBack(alias, event.from), canary: undefined };
    case "shadow_started":
      return { ...alias, shadow: event.tag, shadowShare: event.share };
    case "shadow_ended":
      return { ...alias, shadow: undefined, shadowShare: undefined };
    default:
      return event satisfies never;
  }
}

function serve(alias: Alias | undefined, tag: string, at: number): Pick<Alias, "tag" | "since" | "previous"> {
  if (alias === undefined) return { tag, since: at, previous: [] };
  if (alias.tag === tag) return alias;
  const previous = [alias.tag, ...alias.previous.filter((other) => other !== tag && other !== alias.tag)];
  return { tag, since: at, previous: previous.slice(0, keptDeployments), ...clear(alias, tag) };
}

/** What serves everybody is not turned back any more. */
function clear({ turnedBack }: Alias, tag: string): Pick<Alias, "turnedBack"> {
  return turnedBack ? { turnedBack: turnedBack.filter((other) => other !== tag) } : {};
}

/** A canary that was no way back is gone by this; one that was stays a way back for people who ask for it. */
function turnBack({ previous, turnedBack = [] }: Alias, from: string): Pick<Alias, "turnedBack"> {
  if (!previous.includes(from)) return {};
  return { turnedBack: [...turnedBack.filter((other) => other !== from && previous.includes(other)), from] };
}

/** What was left stays behind what is returned to, so that a second rollback goes further back and not forth again. */
function stepBack(alias: Alias, to: string, at: number): Pick<Alias, "tag" | "since" | "previous"> {
  return { tag: to, since: at, previous: alias.previous.filter((other) => other !== to), ...clear(alias, to) };
}

/** What keeps a version: an alias, and what it is to it. */
interface VersionUse {
  readonly alias: string;
  readonly use: "serves" | "canary" | "shadow" | "way back";
  readonly text: string;
}

/** The tags that must not go: served, on trial, mirrored, or on the way back. */
export function tagsInUse(state: RegistryState): Map<string, VersionUse> {
  const uses = new Map<string, VersionUse>();
  for (const { name, tag, canary, shadow, previous } of state.aliases.values()) {
    for (const old of previous)
      uses.set(old, { alias: name, use: "way back", text: `${name} may be rolled back to it` });
    if (shadow !== undefined) uses.set(shadow, { alias: name, use: "shadow", text: `${name} is shadowed by it` });
    if (canary) uses.set(canary.tag, { alias: name, use: "canary", text: `it is the canary of ${name}` });
    uses.set(tag, { alias: name, use: "serves", text: `${name} serves it` });
  }
  return uses;
}
