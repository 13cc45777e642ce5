/**
 * What the cells of users prove, at one look.
 *
 * Whether the canary is worse is a randomisation test. The split gave each user the canary with the probability p, by a hash. If
 * both versions are alike to every user, a user's rate of bad answers y does not depend on that draw A (1: canary), and then for
 * any score s, made of y and of the users before, exp(θ A s) / (1 - p + p exp(θ s)) has the mean 1: a fair bet on the draw alone.
 * So has 1 + λ (A - p)(y - c) for a group of users, of which only sums are known. No more is supposed of users: they may differ
 * as they like, a few may send nearly everything, in bursts. The bets also lose where the canary is worse to no user.
 *
 * Half of the stake learns from the users before how rates lie; the other half bets that rates beyond fixed bars are the canary's, and
 * so spends none of a dozen users on learning. A bar's score only falls with a canary user's rate, so it too loses where no user is harmed.
 * Of users below a bar it counts no more than twice what those above it prove: less than was won is no unfair bet, and where a version's
 * users are missing altogether, users without bad answers prove nothing.
 *
 * Whether it is surely not much worse has no such law, since it is about how big a difference is. That is Student's t over the
 * cells: an approximation, which needs users enough, and knows nothing of harm to a kind of user who has not come yet.
 * [e-values: Ramdas, Grünwald, Vovk, Shafer, Statistical Science 2023; the normal approximation of t: Wallace 1959]
 */
import type { Arm, Cell, UserCells } from "./user-cells.js";

/** How steep the bets are, in standard deviations: the stake is spread evenly, so the best of them costs log 8. */
const slopes = [1 / 9, 1 / 3, 1, 3, 9];
/** Rates at which the bets with nothing to learn begin to hold a user for the canary's. */
const bars = [0.15, 0.5];
/** Of such a bet: e^5 to one for a user without bad answers, against one with twice the bar's. */
const steepest = 5;
const mostOfLower = 2;
/** Of a variance, before the first cell: deviations of 0.1, so that early scores are moderate. */
const priorSquare = 0.01;
const mostStaked = 0.9;

/** Log of an e-value against: to no user is the canary worse. @param share of the split, in (0, 1]: a user's chance of the canary */
export function logEvidenceOfHarm(cells: UserCells, share: number): number {
  if (share <= 0 || share >= 1) return 0; // nothing was drawn
  const [logs, barLogs] = [slopes.map(() => 0), bars.map(() => ({ above: 0, below: 0 }))];
  const seen = new Running();
  for (const cell of cells.all) {
    const rate = (cell.stable.sum + cell.canary.sum) / (cell.stable.count + cell.canary.count);
    for (const [i, slope] of slopes.entries())
      logs[i]! += cell.mark < 0 ? betOnGroup(cell, share, slope, seen) : betOnUser(cell, rate, share, slope, seen);
    if (cell.mark >= 0) for (const [i, bar] of bars.entries()) betOnBar(cell, rate, share, bar, barLogs[i]!);
    seen.add(rate);
  }
  const bounded = barLogs.map(({ above, below }) => above + Math.min(below, mostOfLower * Math.max(above, 0)));
  return logMeanExp([logMeanExp(logs), logMeanExp(bounded)]);
}

function betOnBar(cell: Cell, rate: number, share: number, bar: number, logs: { above: number; below: number }): void {
  const tilt = steepest * Math.min(1, (rate - bar) / bar);
  logs[tilt > 0 ? "above" : "below"] += betOnTilt(cell, share, tilt);
}

function betOnUser(cell: Cell, rate: number, share: number, slope: number, seen: Running): number {
  return betOnTilt(cell, share, (slope * (rate - seen.mean)) / seen.deviation);
}

function betOnTilt({ canary }: Cell, share: number, tilt: number): number {
  const won = canary.count > 0 ? tilt : 0;
  const most = Math.max(tilt, 0); // exp stays in its range
  return won - most - Math.log((1 - share) * Math.exp(-most) + share * Math.exp(tilt - most));
}

/** (A - p)(y - c), weighed by answers: never less than -floor, whatever the draws were. */
function betOnGroup({ stable, canary }: Cell, share: number, slope: number, { mean, deviation }: Running): number {
  const floor = Math.max((1 - share) * mean, share * (1 - mean));
  const beyond = (1 - share) * (canary.sum - mean * canary.count) - share * (stable.sum - mean * stable.count);
  const stake = Math.min(mostStaked, (slope * floor) / deviation);
  return Math.log1p((stake * beyond) / (stable.count + canary.count) / floor);
}

/** Log of an e-value against: the mean of users' rates is at most `allowed`, in (0, 1). Users count as drawn from all users. */
export function logEvidenceAbove(rates: readonly number[], allowed: number): number {
  const logs = slopes.map((slope) => {
    const stake = (mostStaked * slope) / slopes.at(-1)!;
    return rates.reduce((sum, rate) => sum + Math.log1p((stake * (rate - allowed)) / allowed), 0);
  });
  return logMeanExp(logs);
}

/**
 * How hard it is to hold that the mean rate of the canary's users lies so far above `stable`'s (without: above 0): a bound of a p-value.
 * @returns 1 for fewer than two users
 */
export function pOfMargin(margin: number, canary: Arm, stable?: Arm): number {
  const arms = stable ? [canary, stable] : [canary];
  const freedom = Math.min(...arms.map(({ rates }) => rates.length)) - 1;
  if (freedom < 1) return 1;
  const gap = margin - mean(canary.rates) + (stable ? mean(stable.rates) : 0);
  const t = gap / Math.sqrt(arms.reduce((sum, arm) => sum + squaredError(arm), 0));
  if (t <= 0) return 1;
  const z = ((8 * freedom + 1) / (8 * freedom + 3)) * Math.sqrt(freedom * Math.log1p(t ** 2 / freedom));
  return Math.exp(-(z ** 2) / 2) / 2;
}

/** Of a mean over cells; never less than chance alone would give with one more bad answer: without any, nothing varies. */
function squaredError({ rates, count }: Arm): number {
  const middle = mean(rates);
  const between = rates.reduce((sum, rate) => sum + (rate - middle) ** 2, 0) / (rates.length - 1) / rates.length;
  const rate = (middle * count + 1) / (count + 2);
  return Math.max(between, (rate * (1 - rate)) / count);
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function logMeanExp(logs: readonly number[]): number {
  const best = Math.max(...logs);
  return best + Math.log(mean(logs.map((log) => Math.exp(log - best))));
}

/** Mean and deviation of what came before. */
class Running {
  #count = 0;
  #sum = 0;
  #squares = priorSquare;

  get mean(): number {
    return this.#sum / (this.#count + 1);
  }

  get deviation(): number {
    return Math.sqrt(this.#squares / (this.#count + 1));
  }

  add(rate: number): void {
    this.#squares += (rate - this.mean) ** 2;
    this.#sum += rate;
    this.#count++;
  }
}
