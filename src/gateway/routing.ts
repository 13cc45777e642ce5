/**
 * Which backend a request goes to: by its key, so that the same images meet the same caches, without any backend being given much
 * more than its share. Pure: every gateway that sees the same backends ranks them alike, and no table is kept.
 *
 * Rendezvous hashing (highest random weight): Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998;
 * weights by -w / ln(u): Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005. Bounded loads: Mirrokni, Thorup
 * and Zadimoghaddam, "Consistent hashing with bounded loads", 2016.
 */
import { createHash } from "node:crypto";

/** 64 bits in two halves, each an unsigned 32-bit number. */
export interface Hash {
  readonly high: number;
  readonly low: number;
}

/** A backend that may be sent a request now: neither draining, nor down, nor ejected. */
export interface Candidate {
  /** Of its name: the same in every gateway, whatever its address is. */
  readonly hash: Hash;
  /** Its share beside the others'. */
  readonly weight: number;
  /** Requests that run there. */
  readonly load: number;
  /** Most requests that may run there. */
  readonly capacity: number;
}

export interface RoutingOptions {
  /** Most load of a backend, as a multiple of its share of all requests. */
  readonly boundedLoad: number;
  /** Load up to which a backend keeps its own requests in any case: a batch this small slows none of them. */
  readonly freeLoad: number;
}

/** Chosen with `npm run bench -- fleet`: docs/gateway.md has its figures. */
export const defaultRouting: RoutingOptions = { boundedLoad: 1.25, freeLoad: 3 };

export function hashOf(text: string): Hash {
  const digest = createHash("sha256").update(text).digest();
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) };
}

/**
 * The backend that ranks first for the key, or second, while it is below its bound; else the least loaded of those below theirs.
 * The bounds add up to more than the requests that run, so that there is always one, unless capacities are in the way: then it is
 * the least loaded of all.
 * @returns undefined when all are at capacity
 */
export function route<T extends Candidate>(
  key: Hash,
  candidates: readonly T[],
  options: RoutingOptions,
): T | undefined {
  const perWeight = options.boundedLoad * meanLoad(candidates);
  const isBelow = ({ load, weight, capacity }: T) =>
    load < capacity && load < Math.max(options.freeLoad, Math.ceil(perWeight * weight));
  const home = firstTwo(key, candidates).find(isBelow);
  return home ?? leastLoaded(key, candidates.filter(isBelow)) ?? leastLoaded(key, candidates);
}

/** By weight, with the request that is to be placed. */
function meanLoad(candidates: readonly Candidate[]): number {
  let [load, weight] = [1, 0];
  for (const candidate of candidates) {
    load += candidate.load;
    weight += candidate.weight;
  }
  return load / weight;
}

/** Of the key's own order of all. */
function firstTwo<T extends Candidate>(key: Hash, candidates: readonly T[]): T[] {
  let [first, second]: (T | undefined)[] = [];
  let [least, next] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const candidate of candidates) {
    const distance = distanceOf(key, candidate);
    if (distance < least) [second, next, first, least] = [first, least, candidate, distance];
    else if (distance < next) [second, next] = [candidate, distance];
  }
  return [first, second].filter((each) => each !== undefined);
}

/** For requests that no cache can help. Of equals the key decides, so that gateways with other keys do not all choose the same. */
export function leastLoaded<T extends Candidate>(key: Hash, candidates: readonly T[]): T | undefined {
  let best: T | undefined;
  let [bestLoad, bestDistance] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const candidate of candidates) {
    if (candidate.load >= candidate.capacity) continue;
    const load = (candidate.load + 1) / candidate.weight;
    if (load > bestLoad) continue;
    const distance = distanceOf(key, candidate);
    if (load === bestLoad && distance >= bestDistance) continue;
    [best, bestLoad, bestDistance] = [candidate, load, distance];
  }
  return best;
}

/** Exponentially distributed with its weight as rate: the least of several is each one's with its share of the weights. */
function distanceOf(key: Hash, { hash, weight }: Candidate): number {
  return -Math.log(uniform(key, hash)) / weight;
}

/** Above 0 and below 1, from 52 bits of both hashes. */
function uniform(a: Hash, b: Hash): number {
  const low = mix(a.low ^ b.low ^ mix(a.high ^ b.high));
  const high = mix(low ^ a.high ^ Math.imul(b.high, 0x9e3779b1));
  return ((high >>> 6) * 2 ** 26 + (low >>> 6) + 0.5) / 2 ** 52;
}

/** The finalizer of MurmurHash3 (Appleby): each bit of the input changes half of the output's. */
function mix(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
