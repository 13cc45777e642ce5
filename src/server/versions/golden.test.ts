import { pino } from "pino";
import { expect, it, onTestFinished } from "vitest";
import { until } from "../../core/base/until.testkit.js";
import { openRegistry, registryWithCanary, temporaryFolder } from "../../rollout/registry.testkit.js";
import type { ModelCatalog } from "../model-catalog.js";
import type { Deployments } from "./deployments.js";
import { type GoldenCase, GoldenRunner } from "./golden.js";
import { Rollouts } from "./rollouts.js";

it("puts each question to both versions once a step, whichever of three processes asks it", async () => {
  const log = pino({ level: "silent" });
  const shared = { folder: await temporaryFolder() };
  const registries = [await registryWithCanary(shared), await openRegistry(shared), await openRegistry(shared)];
  const asked: string[] = [];
  const loaded = (tag: string) => ({
    gate: { enter: async () => ({ release: () => {} }) },
    model: {
      prepare: async ([{ content }]: [{ content: string }]) => asked.push(`${tag} ${content}`),
      async *generate() {
        yield { type: "text", text: tag, tokens: [] };
        yield { type: "end" };
      },
    },
  });
  const cases = Array.from({ length: 30 }, (_, i) => ({
    kind: i % 2 === 0 ? "exact" : "set",
    messages: [{ role: "user", content: `question ${i}` }],
    isGood: (text: string) => text === "v1" || i % 3 > 0,
  })) as unknown as GoldenCase[];
  const analyses = registries.map((registry) => {
    const rollouts = new Rollouts({ registry, log });
    const lease = (tag: string) => ({ ...loaded(tag), release: () => {} });
    const aliases = [...registry.state.aliases.values()];
    const deployments = { aliases, onChange: () => {}, loaded, lease } as unknown as Deployments;
    const models = { serve: (provided: unknown) => provided } as unknown as ModelCatalog;
    const runner = new GoldenRunner({ cases, deployments, rollouts, models, log });
    onTestFinished(async () => {
      runner.close();
      await rollouts.close();
    });
    return rollouts;
  });
  const prod = registries[0]!.state.aliases.get("prod")!;
  await until(() => {
    for (const analysis of analyses)
      expect(analysis.verdictOn(prod)?.figures.golden).toMatchObject({
        ...{ numStable: 30, stable: 0, canary: 1 / 3 },
        kinds: { exact: { questions: 15, stable: 0, canary: 5 }, set: { questions: 15, stable: 0, canary: 5 } },
      });
  });
  const questions = cases.flatMap((_, i) => [`v1 question ${i}`, `v2 question ${i}`]);
  expect(asked.sort()).toEqual(questions.sort());
});
