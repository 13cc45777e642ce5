/**
 * What may be asked of the registry, and whether it makes sense now: a command is a function from the state to the events it
 * causes, or an error that says what to do instead. Pure; `Registry` runs it against the newest state.
 */
import { nearestHint, nearestNames, OcellusError } from "../core/base/index.js";
import type { Comparison } from "./comparison.js";
import type { RegistryEvent } from "./events.js";
import { canonicalJson, type Manifest } from "./manifest.js";
import { type Alias, type RegistryState, tagsInUse } from "./state.js";

export type RegistryCommand = (state: RegistryState) => readonly RegistryEvent[];

export interface Decision {
  readonly reason?: string;
  readonly figures?: Readonly<Record<string, unknown>>;
}

/** Publishing the same bytes under the same tag again changes nothing. @throws `invalid_request` for a taken tag. */
export function publishVersion(manifest: Manifest): RegistryCommand {
  return (state) => {
    const { tag } = manifest;
    const found = state.versions.get(tag);
    if (found && sameFiles(found.manifest, manifest)) return [];
    if (found)
      throw refusal(
        `${tag} is published with other contents (${found.digest}); versions do not change: take a new tag`,
        { tag, digest: found.digest },
      );
    checkNewTag(state, tag);
    return [{ kind: "published", manifest }];
  };
}

/** Clients ask for tags and aliases in one field: a name has one meaning, and keeps it. @throws `invalid_request` */
export function checkNewTag({ aliases, retired }: RegistryState, tag: string): void {
  if (aliases.has(tag))
    throw refusal(`${tag} is an alias, which serves ${aliases.get(tag)!.tag}; take another tag for the version`, {
      tag,
      alias: tag,
    });
  if (retired.has(tag))
    throw refusal(`${tag} was a version once and is removed; take a new tag, it would mean other bytes`, {
      tag,
      retired: true,
    });
}

/** An alias that is there may be deployed to, even where an earlier release let a version take its name. */
function checkNewAlias({ aliases, versions, retired }: RegistryState, alias: string): void {
  if (aliases.has(alias)) return;
  if (versions.has(alias))
    throw refusal(`${alias} is the tag of a version; an alias needs a name of its own`, { alias, tag: alias });
  if (retired.has(alias))
    throw refusal(`${alias} was a version once and is removed; an alias needs a name of its own`, {
      alias,
      retired: true,
    });
}

function sameFiles(a: Manifest, b: Manifest): boolean {
  return canonicalJson(a.files) === canonicalJson(b.files);
}

/** @throws `invalid_request` when the version is in use. */
export function removeVersion(tag: string): RegistryCommand {
  return (state) => {
    const { digest } = versionOf(state, tag);
    const use = tagsInUse(state).get(tag);
    if (use !== undefined)
      throw refusal(`${tag} cannot be removed: ${use.text}`, { tag, alias: use.alias, use: use.use });
    return [{ kind: "removed", tag, digest }];
  };
}

/** All traffic at once. @throws `invalid_request` while a canary runs. */
export function deploy(alias: string, tag: string): RegistryCommand {
  return (state) => {
    versionOf(state, tag);
    const found = state.aliases.get(alias);
    checkNewAlias(state, alias);
    if (found?.canary)
      throw refusal(`${alias} has a canary (${found.canary.tag}): promote it or roll it back first`, {
        alias,
        canary: found.canary.tag,
      });
    if (found?.tag === tag) return [];
    return [{ kind: "deployed", alias, tag }];
  };
}

/** Ends the canary; without one, returns to the version before. @throws `invalid_request` when there is none. */
export function rollBack(alias: string, decision: Decision = {}): RegistryCommand {
  return (state) => {
    const { tag, canary, previous } = aliasOf(state, alias);
    if (canary) return [{ kind: "rolled_back", alias, from: canary.tag, to: tag, ...decision }];
    const [to] = previous;
    if (to === undefined)
      throw refusal(`${alias} has served nothing before ${tag}; there is no way back`, { alias, tag, previous });
    return [{ kind: "rolled_back", alias, from: tag, to, ...decision }];
  };
}

/** Back to what a server still has, when it cannot hold what everybody was to get. */
export function returnTo(alias: string, to: string, decision: Decision): RegistryCommand {
  return (state) => {
    const { tag: from } = aliasOf(state, alias);
    versionOf(state, to);
    return from === to ? [] : [{ kind: "rolled_back", alias, from, to, ...decision }];
  };
}

/** An alias as somebody saw it; what is undefined is not looked at, null: none. */
export interface SeenAlias {
  readonly version?: string | null | undefined;
  readonly canary?: string | null | undefined;
  /** Of the canary. */
  readonly share?: number | undefined;
  readonly shadow?: string | null | undefined;
}

/** Only while the alias is what somebody saw and decided by. @throws `invalid_request` when it has moved on meanwhile. */
export function ifAsSeen(name: string, seen: SeenAlias, command: RegistryCommand): RegistryCommand {
  return (state) => {
    const alias = state.aliases.get(name);
    const now = { version: alias?.tag, canary: alias?.canary?.tag, share: alias?.canary?.share, shadow: alias?.shadow };
    for (const part of ["version", "canary", "share", "shadow"] as const) {
      const [then, found] = [seen[part], now[part] ?? null];
      if (then === undefined || then === found) continue;
      throw refusal(`the ${part} of ${name} is ${found ?? "none"}, not ${then ?? "none"}: look again`, {
        alias: name,
        field: part,
        expected: then,
        found,
      });
    }
    return command(state);
  };
}

/**
 * Promotes, or rolls back, only if that is still about the version which somebody saw; any, where none is named.
 * @throws `invalid_request` when the alias has moved on meanwhile.
 */
export function ifItConcerns(tag: string | undefined, command: RegistryCommand): RegistryCommand {
  return (state) => {
    const events = command(state);
    for (const event of events) {
      const found = event.kind === "promoted" ? event.tag : event.kind === "rolled_back" ? event.from : undefined;
      if (tag !== undefined && found !== tag)
        throw refusal(`this would concern ${found}, not ${tag}: something has changed meanwhile; look again`, {
          expected: tag,
          found,
        });
    }
    return events;
  };
}

/** @param share of the stable version's answers; for the shadow that runs, its new one */
export function startShadow(alias: string, tag: string, share = 1): RegistryCommand {
  return (state) => {
    versionOf(state, tag);
    const { shadow, shadowShare = 1, tag: stable } = aliasOf(state, alias);
    if (stable === tag)
      throw refusal(`${alias} serves ${tag} itself; a shadow of it would compare nothing`, {
        alias,
        tag,
        use: "serves",
      });
    if (shadow === tag && shadowShare === share) return [];
    return [{ kind: "shadow_started", alias, tag, ...(share < 1 && { share }) }];
  };
}

export function endShadow(alias: string): RegistryCommand {
  return (state) => (aliasOf(state, alias).shadow === undefined ? [] : [{ kind: "shadow_ended", alias }]);
}

/** What came of a shadow so far. Nothing is written of a version that is removed. */
export function noteComparison(alias: string, tag: string, comparison: Comparison): RegistryCommand {
  return ({ aliases, versions }) =>
    aliases.has(alias) && versions.has(tag) ? [{ kind: "compared", alias, tag, comparison }] : [];
}

/** @throws `not_found` with the nearest tag. */
export function versionOf({ versions }: RegistryState, tag: string) {
  const found = versions.get(tag);
  if (!found) throw unknownVersion(tag, [...versions.keys()]);
  return found;
}

/** @throws `not_found` with the nearest alias. */
export function aliasOf({ aliases }: RegistryState, name: string): Alias {
  const found = aliases.get(name);
  if (found) return found;
  const hint = nearestHint(name, [...aliases.keys()]);
  throw new OcellusError(
    "not_found",
    `there is no alias ${name}${hint}; \`ocellus rollout deploy ${name} VERSION\` makes one`,
    {
      details: { alias: name, nearest: nearestNames(name, [...aliases.keys()]) },
    },
  );
}

/** @throws `not_found`, `invalid_request` when it has none. */
export function canaryOf(state: RegistryState, name: string) {
  const { canary } = aliasOf(state, name);
  if (!canary)
    throw refusal(`${name} has no canary; \`ocellus rollout canary ${name} VERSION\` starts one`, {
      alias: name,
      missing: "canary",
    });
  return canary;
}

function unknownVersion(tag: string, tags: readonly string[]): OcellusError {
  return new OcellusError(
    "not_found",
    `there is no version ${tag}${nearestHint(tag, tags)}; see \`ocellus rollout versions\``,
    { details: { tag, nearest: nearestNames(tag, tags) } },
  );
}

export function refusal(message: string, details: Readonly<Record<string, unknown>>): OcellusError {
  return new OcellusError("invalid_request", message, { details });
}
