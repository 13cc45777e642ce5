import fc from "fast-check";
import { expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { LocalRateLimits } from "./rate-limit.js";

it("lets through, of any window, at most a full bucket and what has flowed in", () => {
  const step = fc.record({ afterMs: fc.nat({ max: 5000 }), asks: fc.nat({ max: 8 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 40 }), (perMinute, steps) => {
      let now = 0;
      const limits = new LocalRateLimits(() => now);
      const passed: number[] = [];
      for (const { afterMs, asks } of steps) {
        now += afterMs;
        for (let i = 0; i < asks; i++) {
          try {
            limits.take("alice", { requests: perMinute, per: "minute" });
            passed.push(now);
          } catch {}
        }
      }
      passed.forEach((first, from) => {
        passed.slice(from).forEach((last, further) => {
          expect(further + 1).toBeLessThanOrEqual(perMinute + ((last - first) * perMinute) / 60_000 + 1e-6);
        });
      });
    }),
  );
});

it("continues from what another keeper has left, and says when to come again", () => {
  let now = 0;
  const limits = new LocalRateLimits(() => now);
  const limit = { requests: 60, per: "minute" } as const;
  limits.set("alice", limit, 0.5);
  expect(() => limits.take("alice", limit)).toThrow(ocellusError("overloaded", { limit: 60, retryAfterMs: 500 }));
  now = 500;
  expect(limits.take("alice", limit)).toEqual({ limit: 60, remaining: 0, resetMs: 60_000 });
  expect(limits.take("bob", limit).remaining).toBe(59);
});

it("keeps the day apart from the minute", () => {
  const limits = new LocalRateLimits(() => 0);
  const day = { requests: 2, per: "day" } as const;
  limits.take("alice", day);
  limits.take("alice", { requests: 5, per: "minute" });
  limits.take("alice", day);
  expect(() => limits.take("alice", day)).toThrow(
    ocellusError("overloaded", { per: "day", retryAfterMs: 12 * 3600_000 }),
  );
});
