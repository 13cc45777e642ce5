/** The simulated fleet keeps its own books right, and says of the routing what the routing promises. */
import { describe, expect, it } from "vitest";
import { EventQueue } from "../bench/support/fleet/event-queue.js";
import { defaultFleet, type FleetOptions } from "../bench/support/fleet/options.js";
import { policyNames } from "../bench/support/fleet/policies.js";
import { simulateFleet } from "../bench/support/fleet/simulate.js";
import { seeded } from "../src/rollout/analysis/seeded.testkit.js";

const small = { ...defaultFleet, backends: 12, requestsPerBackend: 150 };
const simulate = (about: Partial<FleetOptions> & Pick<FleetOptions, "policy">) => simulateFleet({ ...small, ...about });
const numCounted = (12 * 150 * 2) / 3;

describe("a simulated fleet", () => {
  it("takes events in the order of their times", () => {
    const [events, random] = [new EventQueue(), seeded(3)];
    const times: number[] = [];
    for (let i = 0; i < 500; i++) events.add(Math.floor(random() * 100), () => times.push(events.now));
    events.run(() => false);
    expect(times).toHaveLength(500);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("gives the same figures for the same seed, and others for another", () => {
    const [a, b, c] = [1, 1, 2].map((seed) => simulate({ policy: "ours", seed, crashing: 0.5 }));
    expect(a).toEqual(b);
    expect(c).not.toEqual(a);
  });

  it.each(policyNames)("ends every request once, whatever fails: %s", (policy) => {
    for (const about of [{}, { crashing: 1 }, { deploys: true }]) {
      const { answered, brokenOff, refused } = simulate({ policy, ...about });
      expect(answered + brokenOff + refused).toBe(numCounted);
    }
  });

  it("breaks nothing off and refuses nothing when engines are restarted in turn", () => {
    expect(simulate({ policy: "ours", deploys: true })).toMatchObject({ brokenOff: 0, refused: 0 });
  });

  it("meets the caches far more often than a policy that does not look at images, and as evenly as it promises", () => {
    const [ours, roundRobin, hashing] = (["ours", "round-robin", "consistent hashing"] as const).map((policy) =>
      simulate({ policy, requestsPerBackend: 400 }),
    );
    expect(ours!.hitRate).toBeGreaterThan(1.5 * roundRobin!.hitRate);
    expect(ours!.imbalance).toBeLessThan(hashing!.imbalance);
    expect(ours!.firstTokenMs.p99).toBeLessThan(hashing!.firstTokenMs.p99);
  });
});
