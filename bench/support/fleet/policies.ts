/** Ways to choose a backend, side by side: those that proxies offer, and ours, which is the code that serves. */
import { type Candidate, defaultRouting, type Hash, leastLoaded, route } from "../../../src/gateway/index.js";

export interface Seat extends Candidate {
  readonly index: number;
  load: number;
}

/** @param salt another one for each request @param seats those that may be asked, in the order of their index */
export type Policy = (key: Hash, salt: Hash, seats: readonly Seat[]) => Seat | undefined;

export const policyNames = ["round-robin", "least-queue", "consistent hashing", "rendezvous", "ours"] as const;
export type PolicyName = (typeof policyNames)[number];

/** One for each gateway: some count. */
export function newPolicy(name: PolicyName, hashes: readonly Hash[]): Policy {
  if (name === "ours") return (key, _, seats) => route(key, seats, defaultRouting);
  if (name === "rendezvous") return (key, _, seats) => route(key, seats, unbounded);
  if (name === "least-queue") return (_, salt, seats) => leastLoaded(salt, seats);
  if (name === "consistent hashing") return ring(hashes);
  let turn = 0;
  return (_, __, seats) => seats[turn++ % seats.length];
}

const unbounded = { boundedLoad: Number.POSITIVE_INFINITY, freeLoad: 0 };

/** Karger et al., "Consistent hashing and random trees", 1997: many points of each backend on a ring, the next one clockwise. */
function ring(hashes: readonly Hash[]): Policy {
  const points = hashes
    .flatMap(({ high, low }, index) =>
      Array.from({ length: pointsOfEach }, (_, i) => ({
        at: (Math.imul(high ^ i, 0x9e3779b1) ^ Math.imul(low + i, 0x85ebca6b)) >>> 0,
        index,
      })),
    )
    .sort((a, b) => a.at - b.at);
  return ({ high }, _, seats) => {
    if (seats.length === 0) return undefined;
    const byIndex = new Map(seats.length === hashes.length ? [] : seats.map((seat) => [seat.index, seat]));
    for (let i = firstAtLeast(points, high), steps = 0; steps < points.length; i++, steps++) {
      const { index } = points[i % points.length]!;
      const seat = seats.length === hashes.length ? seats[index] : byIndex.get(index);
      if (seat) return seat;
    }
    return undefined;
  };
}

const pointsOfEach = 160;

function firstAtLeast(points: readonly { readonly at: number }[], at: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
