import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, type Hash, hashOf, leastLoaded, route } from "./routing.js";

interface Seat extends Candidate {
  readonly name: string;
  load: number;
}

const seat = (name: string, about: Partial<Seat> = {}): Seat => ({
  ...{ name, hash: hashOf(name), weight: 1, load: 0, capacity: Number.POSITIVE_INFINITY },
  ...about,
});
const seats = (count: number) => Array.from({ length: count }, (_, i) => seat(`backend-${i}`));
const unbounded = { boundedLoad: Number.POSITIVE_INFINITY, freeLoad: 0 };
const bounded = (boundedLoad: number) => ({ boundedLoad, freeLoad: 0 });
const keys = (count: number, of = "image"): Hash[] => Array.from({ length: count }, (_, i) => hashOf(`${of} ${i}`));
const homes = (all: readonly Seat[], of: readonly Hash[]) => of.map((key) => route(key, all, unbounded)!.name);
const hash = fc.record({ high: fc.nat(2 ** 32 - 1), low: fc.nat(2 ** 32 - 1) });

describe("rendezvous hashing", () => {
  it("gives every backend its share by weight, within four standard deviations", () => {
    const weights = [1, 1, 2, 0.5, 3.5];
    const all = weights.map((weight, i) => seat(`b${i}`, { weight }));
    const numKeys = 20_000;
    const counts = new Map<string, number>();
    for (const name of homes(all, keys(numKeys))) counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const { name, weight } of all) {
      const share = weight / 8;
      const deviation = Math.abs(counts.get(name)! - numKeys * share) / Math.sqrt(numKeys * share * (1 - share));
      expect(deviation).toBeLessThan(4);
    }
  });

  it("moves only the keys of the backend that leaves, and only to the one that joins", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(29), fc.string(), (count, which, salt) => {
        const all = seats(count);
        const gone = all[which % count]!;
        const left = all.filter((each) => each !== gone);
        const some = keys(200, salt);
        const [before, after] = [homes(all, some), homes(left, some)];
        for (const [i, home] of before.entries()) if (home !== gone.name) expect(after[i]).toBe(home);
      }),
      { numRuns: 30 },
    );
  });

  it("is the same in every gateway, in whatever order the backends are listed", () => {
    fc.assert(
      fc.property(hash, fc.shuffledSubarray(seats(20), { minLength: 20 }), fc.nat(19), (key, listed, load) => {
        const loaded = (all: readonly Seat[]) =>
          all.map((each) => (each.name === "backend-3" ? { ...each, load } : each));
        const there = route(key, loaded(listed), bounded(1.25))?.name;
        expect(there).toBe(route(key, loaded(seats(20)), bounded(1.25))?.name);
      }),
    );
  });
});

describe("bounded loads", () => {
  it("keeps every backend within its bound, whatever the keys are, and takes every request", () => {
    const steps = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 300 });
    const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(steps, weights, fc.constantFrom(1, 1.25, 2), (all, ofEach, boundedLoad) => {
        const backends = ofEach.map((weight, i) => seat(`b${i}`, { weight }));
        const totalWeight = ofEach.reduce((a, b) => a + b);
        let running = 0;
        for (const [key, ends] of all) {
          const busy = backends.filter(({ load }) => load > 0);
          if (ends && busy.length > 0) {
            busy[key % busy.length]!.load--;
            running--;
          }
          const chosen = route(hashOf(`hot ${key}`), backends, bounded(boundedLoad))!;
          const bound = Math.ceil((boundedLoad * (running + 1) * chosen.weight) / totalWeight);
          expect(++chosen.load).toBeLessThanOrEqual(bound);
          running++;
        }
      }),
    );
  });

  it("sends a key home as long as its backend has little to do", () => {
    const all = seats(50);
    const key = hashOf("image");
    const home = route(key, all, unbounded)!;
    home.load = 3;
    expect(route(key, all, { boundedLoad: 1.25, freeLoad: 4 })).toBe(home);
    home.load = 4;
    expect(route(key, all, { boundedLoad: 1.25, freeLoad: 4 })).not.toBe(home);
  });

  it("gives a hot key's overflow to the same second backend every time", () => {
    const all = seats(20);
    const key = hashOf("hot");
    route(key, all, unbounded)!.load = 100;
    const seconds = new Set(Array.from({ length: 20 }, () => route(key, all, bounded(1.25))!.name));
    expect(seconds.size).toBe(1);
  });

  it("never goes beyond a capacity, and says when all are full", () => {
    const all = [seat("a", { load: 2, capacity: 2 }), seat("b", { load: 7, capacity: 8, weight: 0.01 })];
    for (const key of keys(20)) expect(route(key, all, bounded(1))!.name).toBe("b");
    all[1]!.load = 8;
    expect(route(hashOf("x"), all, bounded(1))).toBeUndefined();
    expect(route(hashOf("x"), [], bounded(1))).toBeUndefined();
  });
});

describe("the least loaded", () => {
  it("is the one with the least for its weight, and of equals each is chosen by some key", () => {
    const all = [seat("a", { load: 3, weight: 4 }), seat("b", { load: 1 }), seat("c", { load: 1 })];
    expect(leastLoaded(hashOf("x"), all)!.name).toBe("a");
    all[0]!.load = 9;
    expect(new Set(keys(40).map((key) => leastLoaded(key, all)!.name))).toEqual(new Set(["b", "c"]));
  });
});
