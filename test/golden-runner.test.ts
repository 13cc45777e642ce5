/** The golden set put to both versions of a canary: questions of every kind, and their number in the journal. */
import { pino } from "pino";
import { expect, it } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import { isCorrect } from "../src/evals/eval-score.js";
import { startCanary } from "../src/rollout/index.js";
import { GoldenRunner } from "../src/server/index.js";
import { openVersions } from "./support/versioned-server.js";

/** What `v1` answers is right by each of them. */
const accepted = [
  { accept: ["V1."] },
  { accept: [], set: ["v1"] },
  { accept: [], pattern: "^v[13]$" },
  { accept: ["v1"], schema: { type: "number" } },
];
const kinds = ["exact", "set", "pattern", "schema"];

it("turns back a canary whose answers are wrong, and says how many questions of each kind were asked", async () => {
  const { versions, models, close } = await openVersions({ v1: {}, v2: {} });
  const { registry, deployments, rollouts } = versions;
  const cases = Array.from({ length: 400 }, (_, i) => ({
    kind: kinds[i % 4]!,
    messages: [{ role: "user" as const, content: "?" }],
    isGood: (text: string) => isCorrect(text, accepted[i % 4]!),
  }));
  const runner = new GoldenRunner({ cases, deployments, rollouts, models, log: pino({ level: "silent" }) });
  try {
    await registry.run("test", startCanary("prod", "v2", { steps: [0.5], analysis: true }));
    const last = async () => (await registry.history()).at(-1)!;
    await until(async () => expect((await last()).event.kind).toBe("rolled_back"));
    const { actor, event } = (await last()) as { actor: string; event: any };
    expect(actor).toBe("canary-analysis");
    expect(event.reason).toMatch(
      /^wrong answers .*: 100\.0 % of \d+ against 0\.0 % of \d+ \((exact|set|pattern|schema) \d+, /,
    );
    const { golden } = event.figures;
    expect(Object.keys(golden.kinds).sort()).toEqual([...kinds].sort());
    const asked = Object.values<any>(golden.kinds);
    expect(asked.reduce((sum, { questions }) => sum + questions, 0)).toBe(golden.numCanary);
    expect(asked.every(({ questions, canary, stable }) => canary === questions && stable === 0)).toBe(true);
  } finally {
    runner.close();
    await close();
  }
});
