/**
 * Traffic of users who differ: each has an own rate of bad answers and an own part of the traffic, and keeps the version that was
 * drawn for it. For tests and bench/rollouts.ts.
 */
import type { CanaryAnalysis, CanaryVerdict } from "./canary-analysis.js";
import type { CanaryMetric } from "./metrics.js";
import { seeded } from "./seeded.testkit.js";
import { maxMark } from "./user-cells.js";

export interface Mix {
  readonly numUsers: number;
  readonly share: number;
  readonly rateOf: (random: () => number) => number;
  /** The k-th user sends 1 / k as much as the first. */
  readonly isZipf?: boolean;
  /** A user sends some thirty requests in a row; a bad hour more than doubles its bad answers. */
  readonly isBursty?: boolean;
  /** What the canary makes of a user's rate; nothing, where it is left out. */
  readonly harm?: (rate: number) => number;
}

/** One in twenty has bad answers, and then many. */
const rare = (random: () => number) => (random() < 0.05 ? 0.4 : 0);
const keys = (random: () => number) => (random() < 1 / 6 ? 0.2 : 0.005);

/** Users whose mere differences looked like a bad version when requests were counted. */
export const mixes: Readonly<Record<string, Mix>> = {
  "12 keys, 50 %": { numUsers: 12, share: 0.5, rateOf: keys },
  "12 keys, Zipf, 50 %": { numUsers: 12, share: 0.5, rateOf: keys, isZipf: true },
  "200 users, 5 %": { numUsers: 200, share: 0.05, rateOf: rare },
  "200 users, 50 %": { numUsers: 200, share: 0.5, rateOf: rare },
  "200 users, Zipf, 5 %": { numUsers: 200, share: 0.05, rateOf: rare, isZipf: true },
  "200 users, Zipf, 50 %": { numUsers: 200, share: 0.5, rateOf: rare, isZipf: true },
  "200 users, bursts, 5 %": { numUsers: 200, share: 0.05, rateOf: rare, isBursty: true },
  "200 users, bursts, 50 %": { numUsers: 200, share: 0.5, rateOf: rare, isBursty: true },
  "2,000 users, Zipf, 5 %": { numUsers: 2000, share: 0.05, rateOf: rare, isZipf: true },
  "2,000 users alike, 50 %": { numUsers: 2000, share: 0.5, rateOf: () => 0.02 },
};

interface User {
  /** Where the split put it: it has the canary below the share. */
  readonly point: number;
  readonly mark: number;
  readonly rate: number;
}

/** One request: which version answers it, and how likely badly. */
interface Asked {
  readonly role: "stable" | "canary";
  readonly mark: number;
  readonly rate: number;
}

export interface Outcome {
  readonly decision: CanaryVerdict["decision"];
  readonly numRequests: number;
}

/** Requests until a decision, which is looked for after every tenth. */
export function rollout(
  analysis: CanaryAnalysis,
  seed: number,
  mix: Mix,
  maxRequests: number,
  metric: CanaryMetric = "error",
): Outcome {
  const random = seeded(seed * 7919);
  const next = traffic(random, mix);
  for (let numRequests = 1; numRequests <= maxRequests; numRequests++) {
    const { role, mark, rate } = next();
    analysis.observe(metric, role, random() < rate, mark);
    if (numRequests % 10 === 0 && analysis.decision !== "wait") return { decision: analysis.decision, numRequests };
  }
  return { decision: "wait", numRequests: maxRequests };
}

/** Who asks next; a share that grows keeps the users it has. */
export function traffic(random: () => number, { isBursty = false, ...mix }: Mix): (share?: number) => Asked {
  const users = drawUsers(random, mix);
  let [user, numLeft, factor] = [users[0]!.user, 0, 1];
  return (share = mix.share) => {
    if (numLeft-- <= 0) {
      user = pick(users, random);
      numLeft = isBursty ? Math.floor(-Math.log(1 - random()) * 30) : 0;
      factor = isBursty ? (random() < 0.5 ? 1.6 : 0.4) : 1;
    }
    const role = user.point < share ? "canary" : "stable";
    const rate = role === "canary" && mix.harm ? Math.min(1, mix.harm(user.rate)) : user.rate;
    return { role, mark: user.mark, rate: rate * factor };
  };
}

interface Weighed {
  readonly user: User;
  /** Of this user and all before. */
  readonly until: number;
}

function drawUsers(random: () => number, { numUsers, rateOf, isZipf = false }: Mix): Weighed[] {
  let until = 0;
  return Array.from({ length: numUsers }, (_, i) => {
    const point = random();
    const rate = rateOf(random);
    until += isZipf ? 1 / (i + 1) : 1;
    const mark = Math.floor(random() * maxMark);
    return { user: { point, mark, rate }, until };
  });
}

function pick(users: readonly Weighed[], random: () => number): User {
  const at = random() * users.at(-1)!.until;
  let [low, high] = [0, users.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (users[middle]!.until < at) low = middle + 1;
    else high = middle;
  }
  return users[low]!.user;
}
