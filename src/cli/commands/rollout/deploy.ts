/** `ocellus rollout deploy|canary|shadow|promote|rollback|pause|resume`: which version an alias serves, and to whom. */
import { type Command, InvalidArgumentError } from "commander";
import { OcellusError, printable } from "../../../core/base/index.js";
import {
  aliasOf,
  deploy,
  endShadow,
  maxStepSeconds,
  pause,
  promote,
  type RegistryCommand,
  resume,
  rollBack,
  startShadow,
  tryWith,
} from "../../../rollout/index.js";
import { printJson, printLine, type Terminal } from "../../ui/terminal.js";
import { outcomeOf } from "./deploy-outcome.js";
import { actorOf, addJournalOptions, percent, type RegistryFlags, withRegistry } from "./registry.js";

interface CanaryFlags extends RegistryFlags {
  readonly share?: number;
  readonly steps?: readonly number[];
  readonly analysis: boolean;
  readonly reason?: string;
  readonly off?: boolean;
  readonly agreement?: number;
  readonly mirror?: number;
  readonly every?: number;
  readonly gate?: string;
  readonly wait: boolean;
}

/** Enough for evidence within some hundred requests, and a tenth of the work. */
const defaultMirrored = 0.1;

export function addDeployCommands(rollout: Command, terminal: Terminal): void {
  const add = (
    usage: string,
    description: string,
    toCommand: (args: string[], flags: CanaryFlags) => RegistryCommand,
  ) =>
    addJournalOptions(rollout.command(usage))
      .description(description)
      .option("--no-wait", "return without waiting for the servers to apply it")
      .action((...given: unknown[]) => {
        const flags = (given.at(-1) as Command).optsWithGlobals<CanaryFlags>();
        const args = given.slice(0, -2) as string[];
        return change(args[0]!, toCommand(args, flags), flags, terminal);
      });
  const reason = ["--reason <text>", "reason, stored in the history"] as const;
  add("deploy <alias> <version>", "make an alias serve a version to all users", ([alias, tag]) => deploy(alias!, tag!));
  add(
    "canary <alias> <version>",
    "try a version with a share of the users; an analysis of its answers decides each step",
    ([alias, tag], { share, steps, analysis, every, gate, ...rest }) =>
      tryWith(alias!, tag!, {
        ...{ share, steps, analysis, agreement: agreementOf(rest) },
        ...{ stepSeconds: every, gate },
      }),
  )
    .option(
      "--steps <shares>",
      "shares of the users in percent, step by step (default: 5,25,50,100); 0 only compares answers",
      parseSteps,
    )
    .option("--share <percent>", "first share, or new share of a running canary", parseShare)
    .option("--no-analysis", "disable the analysis; steps follow --every, or your commands")
    .option("--every <duration>", "minimum duration of a step: 90s, 10m, 2h, 1d", parseDuration)
    .option("--gate <url>", "URL to ask before each step; it answers allow, hold or roll back")
    .option(
      "--agreement <percent>",
      "minimum mean similarity of the two versions' answers to the same requests",
      parseShare,
    )
    .option("--mirror <percent>", "share of the requests compared for --agreement (default: 10)", parseShare);
  add(
    "shadow <alias> [version]",
    "mirror an alias's requests to a version and compare the answers; none of them are served",
    ([alias, tag], { off, share }) => {
      if (off) return endShadow(alias!);
      if (tag === undefined) throw new OcellusError("invalid_request", "shadow: expected a version, or --off");
      return startShadow(alias!, tag, share);
    },
  )
    .option("--off", "stop the shadow")
    .option("--share <percent>", "share of the requests to mirror (default: 100)", parseShare);
  add("promote <alias>", "make the canary serve all users", ([alias], flags) => promote(alias!, why(flags))).option(
    ...reason,
  );
  add("rollback <alias>", "stop the canary; without one, return to the previous version", ([alias], flags) =>
    rollBack(alias!, why(flags)),
  ).option(...reason);
  add("pause <alias>", "pause the canary analysis; its share stays", ([alias]) => pause(alias!));
  add("resume <alias>", "resume the canary analysis", ([alias]) => resume(alias!));
}

/** @throws `invalid_request` where it would mean nothing. */
function agreementOf({ agreement: floor, mirror: share }: Pick<CanaryFlags, "agreement" | "mirror">) {
  if (floor === undefined && share !== undefined)
    throw new OcellusError("invalid_request", "--mirror: expected --agreement too (minimum similarity of the answers)");
  if (floor === 1)
    throw new OcellusError(
      "invalid_request",
      "--agreement: expected less than 100 %; every change of a model changes some answers",
    );
  return floor === undefined ? undefined : { floor, share: share ?? defaultMirrored };
}

function why({ reason }: CanaryFlags) {
  return reason === undefined ? {} : { reason };
}

/** `5`, `5%`, `0.5 %`. */
function parseShare(text: string): number {
  const number = Number(text.replace(/%$/, ""));
  if (!(number > 0 && number <= 100)) throw new InvalidArgumentError("Expected percents above 0, up to 100.");
  return number / 100;
}

function parseSteps(text: string): number[] {
  return text.split(",").map((step) => (/^0+ ?%?$/.test(step.trim()) ? 0 : parseShare(step)));
}

const seconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** @returns seconds */
function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,7}) ?([smhd])$/.exec(text.trim()) ?? [];
  const found = Number(number) * seconds[unit as keyof typeof seconds];
  if (!(found >= 1 && found <= maxStepSeconds))
    throw new InvalidArgumentError("Expected a duration up to 30 days: 90s, 10m, 2h, 1d.");
  return found;
}

async function change(alias: string, command: RegistryCommand, flags: CanaryFlags, terminal: Terminal): Promise<void> {
  await withRegistry(flags, async (registry) => {
    const found = aliasOf(await registry.run(actorOf(), command), alias);
    const waiting = flags.wait ? outcomeOf(registry, alias, terminal.signal) : [];
    if (flags.json) return printJson(terminal, { ...found, servers: await waiting });
    const { tag, canary, shadow, shadowShare, previous } = found;
    const parts = [
      `${alias} serves ${tag}`,
      ...(canary ? [`canary ${canary.tag} with ${percent(canary.share)}${canary.isPaused ? ", paused" : ""}`] : []),
      ...(shadow === undefined ? [] : [`shadow ${shadow} with ${percent(shadowShare ?? 1)} of the answers`]),
      ...(previous[0] === undefined ? [] : [`previous: ${previous[0]}`]),
    ];
    printLine(terminal, parts.join(" · "));
    for (const { server, detail } of await waiting) printLine(terminal, printable(`${server}: ${detail}`));
  });
}
