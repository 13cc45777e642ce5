/** What can be done about an alias: each with the words that say what will happen, and with the alias as it was seen then. */
import type { WireAlias, WireSeen, WireVersion } from "../../src/protocol/index.js";
import type { AliasCommand, Beginning } from "./api.js";
import { type DurationUnit, secondsOf } from "./quantities.js";
import type { VersionsWords } from "./words-versions.js";

/** A button that was pressed. */
export interface Intent {
  readonly title: string;
  readonly text: string;
  readonly alias: string;
  readonly command: AliasCommand;
  readonly body: object;
}

/** As it was typed. */
export interface Pace {
  /** A first step that serves nobody. */
  readonly isComparedFirst: boolean;
  /** Percents of likeness that the comparison asks for. */
  readonly floor: string;
  readonly every: string;
  readonly unit: DurationUnit;
  readonly gate: string;
}

export const usualPace: Pace = { isComparedFirst: false, floor: "95", every: "", unit: "minutes", gate: "" };

/** Of a trial that is to begin. */
export interface Trial {
  readonly share: number;
  readonly usesAnalysis: boolean;
  readonly pace: Pace;
}

/** As the server takes it. */
export interface TrialPlan {
  readonly steps: readonly number[];
  readonly analysis: boolean;
  readonly agreement?: { readonly floor: number };
  readonly step_seconds?: number;
  readonly gate?: string;
}

/** What is typed wrongly stays in it: the server says what is expected. */
export function planOf({ share, usesAnalysis, pace }: Trial): TrialPlan {
  const { isComparedFirst, floor, every, unit, gate } = pace;
  const seconds = secondsOf(every, unit);
  const climbs = usesAnalysis || seconds !== undefined;
  const isAsked = climbs && gate.trim() !== "";
  return {
    steps: [...(isComparedFirst ? [0] : []), ...(climbs ? stepsFrom(share) : [share])],
    analysis: usesAnalysis,
    ...(isComparedFirst && usesAnalysis && { agreement: { floor: Number(floor) / 100 } }),
    ...(seconds !== undefined && { step_seconds: seconds }),
    ...(isAsked && { gate: gate.trim() }),
  };
}

/** Shares that a trial climbs; those beyond where it begins. */
const usualSteps = [0.05, 0.25, 0.5, 1];

function stepsFrom(share: number): number[] {
  return [share, ...usualSteps.filter((step) => step > share)];
}

/** What the dialog speaks of: the server refuses when the alias has moved on since. */
function seenOf({ version, canary, shadow }: WireAlias): WireSeen {
  return {
    version,
    canary: canary?.version ?? null,
    ...(canary && { share: canary.share }),
    shadow: shadow ?? null,
  };
}

export function shareIntent(alias: WireAlias, share: number, words: VersionsWords): Intent {
  const body = { version: alias.canary!.version, share, is_running: true, seen: seenOf(alias) };
  const text = words.willShare(alias, share);
  return { title: words.setShare(share), text, alias: alias.name, command: "canary", body };
}

/** Of an alias that is there; a canary that runs leaves only the shadow. */
export function beginIntent(
  kind: Beginning,
  alias: WireAlias,
  version: WireVersion,
  trial: Trial,
  { rollout: { begin } }: VersionsWords,
): Intent {
  const { name } = alias;
  const body = { version: version.version, seen: seenOf(alias) };
  if (kind === "deploy") return { ...deployIntent(name, alias.version, version, begin), body };
  if (kind === "shadow")
    return {
      ...{ title: begin.shadow(version.version), text: begin.willShadow(alias, version) },
      ...{ alias: name, command: kind, body },
    };
  const plan = planOf(trial);
  return {
    ...{ title: begin.canary(version.version, plan.steps[0]!), text: begin.willTry(alias, version, plan) },
    ...{ alias: name, command: kind, body: { ...body, ...plan } },
  };
}

/** Also of a name that is new. */
export function deployIntent(
  name: string,
  before: string | undefined,
  version: WireVersion,
  begin: VersionsWords["rollout"]["begin"],
): Intent {
  return {
    title: begin.deploy(version.version),
    text: begin.willDeploy(name, before, version),
    ...{ alias: name, command: "deploy" },
    body: { version: version.version, seen: { version: before ?? null } },
  };
}

/** What the alias has buttons for. */
export function intentsOf(alias: WireAlias, versions: readonly WireVersion[], words: VersionsWords): Intent[] {
  const { canary, shadow, name } = alias;
  const { begin } = words.rollout;
  const endShadow: Intent = {
    ...{ title: begin.endShadow, text: begin.willEndShadow(alias), alias: name },
    ...{ command: "shadow", body: { off: true, seen: seenOf(alias) } },
  };
  return [
    ...(canary ? canaryIntents(alias, words) : returnIntents(alias, versions, words)),
    ...(shadow === undefined ? [] : [endShadow]),
  ];
}

function returnIntents(alias: WireAlias, versions: readonly WireVersion[], words: VersionsWords): Intent[] {
  const { name, version, previous } = alias;
  if (previous.length === 0) return [];
  const back = versions.find((each) => each.version === previous[0]);
  const text = words.willReturn(alias, back?.is_loaded ?? false);
  return [{ title: words.rollback, text, alias: name, command: "rollback", body: { version } }];
}

function canaryIntents(alias: WireAlias, words: VersionsWords): Intent[] {
  const { name } = alias;
  const { version, is_paused: isPaused, uses_analysis: usesAnalysis } = alias.canary!;
  const [body, seen] = [{ version }, { seen: seenOf(alias) }];
  const analysis: Intent = isPaused
    ? { title: words.resume, text: words.willResume(alias), alias: name, command: "resume", body: seen }
    : { title: words.pause, text: words.willPause(alias), alias: name, command: "pause", body: seen };
  return [
    { title: words.promote, text: words.willPromote(alias), alias: name, command: "promote", body },
    ...(usesAnalysis ? [analysis] : []),
    { title: words.rollback, text: words.willEnd(alias), alias: name, command: "rollback", body },
  ];
}
