/** `ocellus deploy|canary|shadow|promote|rollback|pause|resume|who`: which version answers whom. */
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
import {
  actorOf,
  addJournalOptions,
  addRegistryOptions,
  percent,
  type RegistryFlags,
  withRegistry,
} from "./registry.js";

interface CanaryFlags extends RegistryFlags {
  readonly share?: number;
  readonly steps?: readonly number[];
  readonly judge: boolean;
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

const walkthrough = `
A version's way to everybody:
  ocellus publish ./tuned --tag v1.1.0
  ocellus canary prod v1.1.0                    5 % of the users, then 25, 50 and 100, as its answers allow
  ocellus rollback prod                         back at once, at any time`;

export function addDeployCommands(program: Command, terminal: Terminal): void {
  const add = (
    usage: string,
    description: string,
    toCommand: (args: string[], flags: CanaryFlags) => RegistryCommand,
  ) =>
    addJournalOptions(program.command(usage))
      .description(description)
      .option("--no-wait", "do not wait for what servers make of it")
      .action((...given: unknown[]) => {
        const flags = (given.at(-1) as Command).optsWithGlobals<CanaryFlags>();
        const args = given.slice(0, -2) as string[];
        return change(args[0]!, toCommand(args, flags), flags, terminal);
      });
  const reason = ["--reason <text>", "for the history"] as const;
  add("deploy <alias> <version>", "let an alias serve a version to everybody", ([alias, tag]) => deploy(alias!, tag!));
  add(
    "canary <alias> <version>",
    "try a version with a share of the users, judged by its answers",
    ([alias, tag], { share, steps, judge, every, gate, ...rest }) =>
      tryWith(alias!, tag!, {
        ...{ share, steps, judged: judge, agreement: agreementOf(rest) },
        ...{ stepSeconds: every, gate },
      }),
  )
    .option("--steps <shares>", "shares to climb (default: 5,25,50,100); 0: only compared", parseSteps)
    .option("--share <percent>", "begin at, or change a running canary to, this share", parseShare)
    .option("--no-judge", "only people decide, or with --every the clock")
    .option("--every <duration>", "let each step last at least so long: 90s, 10m, 2h, 1d", parseDuration)
    .option("--gate <url>", "ask before each step: allow, hold or roll back")
    .option(
      "--agreement <percent>",
      "ask both versions some questions; their answers must be so alike in mean",
      parseShare,
    )
    .option("--mirror <percent>", "the part of the answers to compare so (default: 10)", parseShare)
    .addHelpText("after", walkthrough);
  add(
    "shadow <alias> [version]",
    "ask a version what an alias is asked, compare the answers, serve none of them",
    ([alias, tag], { off, share }) => {
      if (off) return endShadow(alias!);
      if (tag === undefined) throw new OcellusError("invalid_request", "shadow: expected a version, or --off");
      return startShadow(alias!, tag, share);
    },
  )
    .option("--off", "end it")
    .option("--share <percent>", "mirror this part of the answers (default: 100)", parseShare);
  add("promote <alias>", "let the canary serve everybody", ([alias], flags) => promote(alias!, why(flags))).option(
    ...reason,
  );
  add("rollback <alias>", "end the canary; without one, return to the version before", ([alias], flags) =>
    rollBack(alias!, why(flags)),
  ).option(...reason);
  add("pause <alias>", "let the canary's judge stand still; the split stays", ([alias]) => pause(alias!));
  add("resume <alias>", "let the canary's judge go on", ([alias]) => resume(alias!));
  addRegistryOptions(program.command("who"))
    .description("say which version answered a request, and why")
    .argument("<request-id>", "the header x-request-id of its answer, or of the question")
    .action((id: string, _local: unknown, command: Command) => who(id, command.optsWithGlobals(), terminal));
}

/** @throws `invalid_request` where it would mean nothing. */
function agreementOf({ agreement: floor, mirror: share }: Pick<CanaryFlags, "agreement" | "mirror">) {
  if (floor === undefined && share !== undefined)
    throw new OcellusError(
      "invalid_request",
      "--mirror: expected --agreement too, which says how alike answers must be",
    );
  if (floor === 1)
    throw new OcellusError("invalid_request", "--agreement: expected less than 100 %: no change keeps every word");
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
      ...(previous[0] === undefined ? [] : [`before: ${previous[0]}`]),
    ];
    printLine(terminal, parts.join(" · "));
    for (const { server, detail } of await waiting) printLine(terminal, printable(`${server}: ${detail}`));
  });
}

async function who(id: string, flags: RegistryFlags, terminal: Terminal): Promise<void> {
  await withRegistry(flags, async (registry) => {
    const found = await registry.answers.find(id);
    if (!found)
      throw new OcellusError("not_found", `no answer to the request ${id} is known; answers are kept for thirty days`);
    const mirrored = await registry.answers.findMirrored(found.requestId);
    if (flags.json) return printJson(terminal, { ...found, ...(mirrored.length > 0 && { mirrored }) });
    for (const { at, model, tag, role, reason } of [found, ...mirrored])
      printLine(terminal, printable(`${new Date(at).toISOString()}  ${model} → ${tag} (${role}: ${reason})`));
  });
}
