import { pino } from "pino";
import { describe, expect, it } from "vitest";
import type { Alias, Registry } from "../../registry/index.js";
import { RecentQuantile } from "./recent-quantile.js";
import { repeatsItself } from "./repeats.js";
import { Rollouts } from "./rollouts.js";

const aliasAt = (stepSeq: number): Alias => ({
  name: "prod",
  tag: "v1",
  since: 0,
  previous: [],
  canary: { tag: "v2", share: 0.5, plan: { steps: [0.5, 1], judged: true }, isPaused: false, seq: 3, stepSeq },
});
const good = { isError: false, isBlocked: false, isMalformed: false, firstTokenMs: 10, tokensPerSecond: 50 };

function rollouts(): Rollouts {
  const registry = { run: async () => {} } as unknown as Registry;
  return new Rollouts({ registry, log: pino({ level: "silent" }) });
}

describe("the trial of a step", () => {
  it("keeps its evidence when an answer that began in the step before comes late", () => {
    const judged = rollouts();
    for (let i = 0; i < 50; i++) judged.observe(aliasAt(5), i % 2 ? "stable" : "canary", good);
    judged.observe(aliasAt(4), "canary", { ...good, isError: true });
    expect(judged.verdicts.get("prod")!.figures.error).toMatchObject({ numCanary: 25, numStable: 25, canary: 0 });
  });

  it("begins with no evidence, and takes none while it is paused or not judged", () => {
    const judged = rollouts();
    for (let i = 0; i < 50; i++) judged.observe(aliasAt(5), i % 2 ? "stable" : "canary", good);
    judged.observe(aliasAt(6), "canary", good);
    expect(judged.verdicts.get("prod")!.figures.error).toMatchObject({ numCanary: 1, numStable: 0 });
    const { canary, ...rest } = aliasAt(7);
    judged.observe({ ...rest, canary: { ...canary!, isPaused: true } }, "canary", good);
    judged.observe({ ...rest, canary: { ...canary!, plan: { steps: [1], judged: false } } }, "canary", good);
    expect(judged.verdicts.get("prod")!.figures.error).toMatchObject({ numCanary: 1 });
  });

  it("does not go on by the golden set alone: users must have asked both", () => {
    const judged = rollouts();
    for (let i = 0; i < 500; i++) judged.observePair(aliasAt(5), { stable: false, canary: false });
    expect(judged.verdicts.get("prod")).toMatchObject({
      decision: "wait",
      reason: expect.stringContaining("answers that failed"),
    });
    for (let i = 0; i < 1000; i++) judged.observe(aliasAt(5), i % 2 ? "stable" : "canary", good);
    expect(judged.verdicts.get("prod")!.decision).toBe("advance");
  });

  it("calls slow what the stable version was not, by a bar from before", () => {
    const judged = rollouts();
    for (let i = 0; i < 100; i++) judged.observe(aliasAt(5), "stable", { ...good, firstTokenMs: 10 + (i % 10) });
    for (let i = 0; i < 20; i++) judged.observe(aliasAt(5), "canary", { ...good, firstTokenMs: 40 });
    expect(judged.verdicts.get("prod")!.figures.slow_first_token).toMatchObject({ canary: 1, numCanary: 20 });
    expect(judged.verdicts.get("prod")!.figures.slow_first_token!.stable).toBeLessThan(0.11);
  });
});

describe("a loop at the end of an answer", () => {
  it("is told from lists, rhymes and short answers", () => {
    expect(repeatsItself("the red the red the red the red the red the red ")).toBe(true);
    expect(repeatsItself("红色红色红色红色红色红色红色红色红色红色红色红色")).toBe(true);
    expect(repeatsItself("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")).toBe(true);
    expect(repeatsItself("no, no, no")).toBe(false);
    expect(repeatsItself("1. a dress\n2. a shirt\n3. a coat\n4. a bag\n5. a shoe")).toBe(false);
    expect(repeatsItself(" ".repeat(100))).toBe(false); // empty, which is told otherwise
  });
});

describe("a recent quantile", () => {
  it("says nothing before it knows enough, and forgets what is old", () => {
    const quantile = new RecentQuantile(0.95);
    for (let i = 0; i < 49; i++) quantile.add(1000);
    expect(quantile.value).toBeUndefined();
    for (let i = 0; i < 500; i++) quantile.add(i);
    expect(quantile.value).toBe(474);
  });
});
