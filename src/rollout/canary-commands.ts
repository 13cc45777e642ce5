/** What may be asked of a canary: start, share, pause, promote. Commands as in commands.ts. */
import { aliasOf, canaryOf, type Decision, type RegistryCommand, refusal, versionOf } from "./commands.js";
import type { RolloutPlan } from "./events.js";

export function startCanary(alias: string, tag: string, plan: RolloutPlan): RegistryCommand {
  return (state) => {
    versionOf(state, tag);
    const { canary, tag: stable } = aliasOf(state, alias);
    if (canary)
      throw refusal(`${alias} has a canary already (${canary.tag}): promote it or roll it back first`, {
        alias,
        canary: canary.tag,
      });
    if (stable === tag) throw refusal(`${alias} serves ${tag} already; nothing to try`, { alias, tag, use: "serves" });
    checkPlan(plan);
    if (plan.steps.some((step, i) => i > 0 && step <= plan.steps[i - 1]!))
      throw refusal(`steps: expected shares that grow, found ${plan.steps.join(", ")}`, {
        field: "steps",
        found: plan.steps,
      });
    return [{ kind: "canary_started", alias, tag, plan }];
  };
}

/** @throws `invalid_request` for what could not be gone through */
function checkPlan({ steps, gate, analysis, stepSeconds }: RolloutPlan): void {
  if (steps.at(-1) === 0)
    throw refusal(
      "steps: expected a share above 0 after 0; `ocellus rollout shadow` only compares, and serves nobody",
      {
        field: "steps",
      },
    );
  if (gate !== undefined && !analysis && stepSeconds === undefined)
    throw refusal(
      "gate: expected an analysis, or how long a step lasts: only people decide here, and no step would ask",
      {
        field: "gate",
      },
    );
  if (gate !== undefined && hasPassword(gate))
    throw refusal("gate: expected a URL without a password, which would stand in the history", { field: "gate" });
}

/** What is no URL at all is refused where the event is checked. */
function hasPassword(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== "" || password !== "";
}

/** A canary's shares where no one says others. */
const defaultSteps: readonly number[] = [0.05, 0.25, 0.5, 1];

export interface CanaryOptions {
  readonly share?: number | undefined;
  readonly steps?: readonly number[] | undefined;
  readonly analysis?: boolean | undefined;
  readonly agreement?: RolloutPlan["agreement"];
  readonly stepSeconds?: number | undefined;
  readonly gate?: string | undefined;
}

/** The same words start a canary and, where that version is the canary already, change its share. */
export function tryWith(alias: string, tag: string, options: CanaryOptions = {}): RegistryCommand {
  const { share, steps = defaultSteps, analysis = true, agreement, stepSeconds, gate } = options;
  return (state) => {
    if (state.aliases.get(alias)?.canary?.tag === tag && share !== undefined) return setShare(alias, share)(state);
    const climb = share === undefined ? [...steps] : [share, ...steps.filter((step) => step > share)];
    const more = {
      ...(agreement && { agreement }),
      ...(stepSeconds !== undefined && { stepSeconds }),
      ...(gate !== undefined && { gate }),
    };
    return startCanary(alias, tag, { steps: climb, analysis, ...more })(state);
  };
}

export function setShare(alias: string, share: number, decision: Decision = {}): RegistryCommand {
  return (state) => {
    const { share: now } = canaryOf(state, alias);
    return share === now ? [] : [{ kind: "share_changed", alias, share, ...decision }];
  };
}

/** Of the canary that somebody saw: one that was turned back meanwhile is not started again. @throws `invalid_request` */
export function changeShare(alias: string, tag: string, share: number): RegistryCommand {
  return (state) => {
    const { tag: found } = canaryOf(state, alias);
    if (found !== tag)
      throw refusal(`the canary of ${alias} is ${found}, not ${tag}: look again`, { alias, expected: tag, found });
    return setShare(alias, share)(state);
  };
}

/** The analysis stands still; the split stays. */
export function pause(alias: string): RegistryCommand {
  return (state) => (canaryOf(state, alias).isPaused ? [] : [{ kind: "paused", alias }]);
}

export function resume(alias: string): RegistryCommand {
  return (state) => (canaryOf(state, alias).isPaused ? [{ kind: "resumed", alias }] : []);
}

export function promote(alias: string, decision: Decision = {}): RegistryCommand {
  return (state) => [{ kind: "promoted", alias, tag: canaryOf(state, alias).tag, ...decision }];
}

/**
 * Only if nothing has changed since: what an analysis decides about a canary must not hit the next one.
 * @throws `invalid_request` when the canary is another, is at another step, or is paused.
 */
export function ifCanaryIs(alias: string, stepSeq: number, command: RegistryCommand): RegistryCommand {
  return (state) => {
    const canary = state.aliases.get(alias)?.canary;
    if (canary?.stepSeq !== stepSeq || canary.isPaused)
      throw refusal(`the canary of ${alias} has changed meanwhile`, { alias, field: "canary" });
    return command(state);
  };
}
