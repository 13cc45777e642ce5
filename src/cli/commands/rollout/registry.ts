/** What the commands about versions share: which registry, who asks, and how state and history are printed. */
import { readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { formatBytes, ioError, printable } from "../../../core/base/index.js";
import { dataFolder, makeFolder, pathExists, sayOnce } from "../../../core/fs/index.js";
import {
  type Alias,
  type Comparison,
  type JournalEntry,
  manifestBytes,
  Registry,
  type RegistryOptions,
  type RegistryState,
  type RolloutPlan,
} from "../../../rollout/index.js";
import type { GlobalFlags } from "../../options.js";
import { textTable } from "../../ui/text-layout.js";
import { withGuards } from "../models/open-model.js";

export interface RegistryFlags extends GlobalFlags {
  readonly registry?: string;
  readonly databaseUrl?: string;
  readonly guards?: string;
}

/** Where versions are kept unless said otherwise. */
export function defaultRegistry(): string {
  return dataFolder("registry");
}

export function addRegistryOptions(command: Command): Command {
  return command
    .addOption(new Option("--registry <folder>", "registry folder").env("OCELLUS_REGISTRY"))
    .addOption(
      new Option("--database-url <url>", "postgres:// address to use instead of the registry's SQLite file").env(
        "OCELLUS_DATABASE_URL",
      ),
    );
}

/** Of commands that write into the journal. */
export function addJournalOptions(command: Command): Command {
  return addRegistryOptions(command).option(
    "--guards <file>",
    "guardrail policy that checks names, notes and reasons before they are stored (or OCELLUS_GUARDS)",
  );
}

/** A registry for the time of one command; only a command that stores something makes one where there is none. */
export async function withRegistry<T>(
  flags: RegistryFlags,
  body: (registry: Registry) => Promise<T>,
  ifMissing: RegistryOptions["ifMissing"] = "refuse",
): Promise<T> {
  const [named, databaseUrl] = [flags.registry || undefined, flags.databaseUrl || undefined]; // a variable may be empty
  const folder = named ?? defaultRegistry();
  const isNew = ifMissing === "make" && !(await pathExists(folder));
  // The system's own place is made with all that leads to it; of a name that was typed, the folder around it must be there.
  if (isNew && named === undefined) await makeFolder(folder, otherFolder);
  // Opened only where something is written: a list must not wait for classifiers.
  const admit = (written: readonly string[]) => withGuards(flags, (guards) => guards.checkUncut(written));
  const registry = await Registry.open({ folder, databaseUrl, ifMissing, admit });
  if (isNew) sayOnce(`${resolve(folder)} created as a new registry`);
  try {
    return await body(registry);
  } finally {
    await registry.close();
  }
}

const otherFolder = "set OCELLUS_DATA or --registry to another folder";

/** `alice@laptop`, for the history. */
export function actorOf(): string {
  return `${userName()}@${hostname()}`;
}

/** A container's user may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

export async function readKey(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read the key", path, cause);
  });
}

export function versionsTable(state: RegistryState): string {
  if (state.versions.size === 0) return "no versions yet; publish one with: ocellus rollout publish FOLDER --tag NAME";
  const uses = [...state.aliases.values()];
  const rows = [...state.versions.values()].map(({ manifest, digest }) => [
    manifest.tag,
    manifest.family,
    manifest.quantization,
    formatBytes(manifestBytes(manifest)),
    manifest.createdAt.slice(0, 16).replace("T", " "),
    manifest.createdBy,
    digest.slice(7, 19),
    uses.flatMap((alias) => useOf(alias, manifest.tag, state.comparisons.get(manifest.tag))).join(", "),
  ]);
  const head = ["version", "family", "weights", "size", "published", "by", "digest", "used by"];
  return textTable([head, ...rows], ["left", "left", "left", "right", "left", "left", "left", "left"]);
}

function useOf({ name, tag, canary, shadow }: Alias, wanted: string, compared: Comparison | undefined): string[] {
  if (tag === wanted) return [name];
  if (canary?.tag === wanted) return [`${name} (canary ${percent(canary.share)})`];
  return shadow === wanted ? [`${name} (shadow${compared ? `: ${comparisonText(compared)}` : ""})`] : [];
}

function comparisonText({ served, numPairs, numExact, numFailed, similarity }: Comparison): string {
  const failed = numFailed === 0 ? "" : `, ${numFailed} failed`;
  return `${percent(similarity)} alike to ${served} over ${numPairs}, ${numExact} the same${failed}`;
}

function agreementText({ agreement }: RolloutPlan): string {
  return agreement ? `, at least ${percent(agreement.floor)} alike on ${percent(agreement.share)}` : "";
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

/** One line an entry, the oldest first. */
export function historyText(entries: readonly JournalEntry[]): string {
  return entries.map((entry) => printable(`${stamp(entry)}  ${entry.actor}  ${eventText(entry.event)}`)).join("\n");
}

function stamp({ seq, at }: JournalEntry): string {
  return `${String(seq).padStart(5)}  ${new Date(at).toISOString().slice(0, 19).replace("T", " ")}`;
}

function paceText({ stepSeconds, gate }: RolloutPlan): string {
  const pace = stepSeconds === undefined ? "" : `, at least ${stepSeconds} s a step`;
  return gate === undefined ? pace : `${pace}, asking ${gate}`;
}

export function eventText(event: JournalEntry["event"]): string {
  const why = "reason" in event && event.reason !== undefined ? `: ${event.reason}` : "";
  switch (event.kind) {
    case "published":
      return `published ${event.manifest.tag}${event.manifest.notes === undefined ? "" : `: ${event.manifest.notes}`}`;
    case "removed":
      return `removed ${event.tag}`;
    case "deployed":
      return `${event.alias} serves ${event.tag}`;
    case "canary_started":
      return `${event.alias} tries ${event.tag} with ${event.plan.steps.map(percent).join(" → ")}${event.plan.analysis ? ", analysed" : ""}${agreementText(event.plan)}${paceText(event.plan)}`;
    case "share_changed":
      return `${event.alias}: the canary gets ${percent(event.share)}${why}`;
    case "paused":
    case "resumed":
      return `${event.alias}: the canary analysis is ${event.kind}`;
    case "promoted":
      return `${event.alias} serves ${event.tag}, promoted${why}`;
    case "rolled_back":
      return `${event.alias} is back at ${event.to}, away from ${event.from}${why}`;
    case "shadow_started":
      return `${event.alias} is shadowed by ${event.tag}${event.share === undefined ? "" : ` with ${percent(event.share)}`}`;
    case "shadow_ended":
      return `${event.alias} has no shadow any more`;
    case "compared":
      return `${event.alias}: the shadow ${event.tag} is ${comparisonText(event.comparison)}`;
    default:
      return event satisfies never;
  }
}
