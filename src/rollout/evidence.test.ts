/** Evidence of several processes on one database: on SQLite and, where it is installed, PostgreSQL, through the same queries. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { CanaryAnalysis } from "./analysis/canary-analysis.js";
import type { Role } from "./analysis/metrics.js";
import { seeded } from "./analysis/seeded.testkit.js";
import type { Observations, Step } from "./evidence.js";
import { noPostgres, startPostgres, type TestPostgres } from "./postgres.testkit.js";
import { openRegistry, temporaryFolder } from "./registry.testkit.js";

let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (!noPostgres) postgres = await startPostgres();
});
afterAll(() => postgres?.stop());

const databases = [
  { name: "SQLite", missing: false, databaseUrl: async () => undefined },
  { name: "PostgreSQL", missing: noPostgres, databaseUrl: () => postgres!.freshDatabase() },
];
const step: Step = { alias: "prod", stepSeq: 4 };

const options = { share: 0.4, required: ["error"] } as const;

type Seen = [Role, number, number];
const good: Seen[] = [
  ["stable", 0, 1],
  ["canary", 0, 2],
];

/** Answers of both versions, the canary's a little worse. */
function someAnswers(random: () => number, count: number): Observations {
  const error = Array.from({ length: count }, (): Seen => {
    const role: Role = random() < 0.4 ? "canary" : "stable";
    const mark = Math.floor(random() * 2 ** 20) * 2 + Number(role === "canary");
    return [role, random() < (role === "canary" ? 0.06 : 0.05) ? 1 : 0, mark];
  });
  return { error, golden: error.map(([role]) => [role, random() ** 2, 0]) };
}

for (const { name, missing, databaseUrl } of databases) {
  describe.skipIf(missing)(`evidence in ${name}`, () => {
    async function openSeveral(count: number) {
      const shared = { folder: await temporaryFolder(), databaseUrl: await databaseUrl() };
      return Promise.all(Array.from({ length: count }, () => openRegistry(shared)));
    }

    it("is judged as if one process had seen it all in one go, whoever looks in between", async () => {
      const processes = await openSeveral(3);
      const random = seeded(1);
      const alone = new CanaryAnalysis(options);
      for (let i = 0; i < 60; i++) {
        const seen = someAnswers(random, 1 + Math.floor(random() * 20));
        await processes[i % 3]!.evidence.add(step, `${i}`.padStart(3, "0"), i, seen);
        for (const metric of ["error", "golden"] as const)
          for (const [role, badness, mark] of seen[metric]!) alone.observe(metric, role, badness, mark);
        if (random() < 0.5) await processes[Math.floor(random() * 3)]!.evidence.analysis(step, options);
      }
      for (const { evidence } of processes)
        expect((await evidence.analysis(step, options))!.verdict()).toEqual(alone.verdict());
    });

    it("counts once, however many look at the same moment", async () => {
      const processes = await openSeveral(4);
      const random = seeded(2);
      let numAnswers = 0;
      for (let round = 0; round < 15; round++) {
        await Promise.all(
          processes.map(async ({ evidence }, i) => {
            numAnswers += 20;
            await evidence.add(step, `${round} ${i}`, round, someAnswers(random, 20));
            await evidence.analysis(step, options);
          }),
        );
      }
      const analysis = await processes[0]!.evidence.analysis(step, options);
      const { numCanary, numStable } = analysis!.verdict().figures.error!;
      expect(numCanary + numStable).toBe(numAnswers);
    });

    it("counts also when it arrives behind what was looked at already", async () => {
      const [a, b] = await openSeveral(2);
      await a!.evidence.add(step, "late", 100, { error: good });
      await b!.evidence.analysis(step, options);
      await a!.evidence.add(step, "earlier by its clock", 50, {
        error: [
          ["stable", 0, 1],
          ["canary", 1, 2],
        ],
      });
      expect((await b!.evidence.analysis(step, options))!.verdict().figures.error).toMatchObject({
        numCanary: 2,
        canary: 0.5,
      });
    });

    it("outlives those who gave it, and requires what any of them required", async () => {
      const [a, b] = await openSeveral(2);
      await a!.evidence.add(step, "1", 1, { error: Array(400).fill(good).flat() });
      await a!.evidence.analysis(step, { ...options, required: ["error", "golden"] });
      await a!.close();
      const analysis = (await b!.evidence.analysis(step, options))!;
      expect(analysis.verdict()).toMatchObject({
        decision: "wait",
        reason: expect.stringContaining("no evidence on wrong"),
      });
    });

    it("is of one step: of others it says nothing, and what is over can be forgotten", async () => {
      const [a, b] = await openSeveral(2);
      await a!.evidence.add(step, "1", 1, { error: good });
      expect(await b!.evidence.analysis({ ...step, stepSeq: 5 }, options)).toBeUndefined();
      expect(await b!.evidence.analysis({ ...step, alias: "test" }, options)).toBeUndefined();
      expect(await a!.evidence.analysis(step, options)).toBeDefined();
      await a!.evidence.claim(step, "golden 1");
      await b!.evidence.forget({ ...step, stepSeq: 5 });
      expect(await a!.evidence.analysis(step, options)).toBeUndefined();
      expect(await a!.evidence.claim(step, "golden 1")).toBe(true);
    });

    it("of another release is refused, and left as it is", async () => {
      const [a] = await openSeveral(1);
      await a!.evidence.add(step, "1", 1, { beauty: good } as Observations);
      await expect(a!.evidence.analysis(step, options)).rejects.toThrow(
        ocellusError("invalid_file", { alias: "prod" }),
      );
      await expect(a!.evidence.analysis(step, options)).rejects.toThrow(
        ocellusError("invalid_file", { alias: "prod" }),
      );
    });

    it("gives what is done once a step to one process", async () => {
      const processes = await openSeveral(4);
      const items = Array.from({ length: 20 }, (_, i) => `golden ${i}`);
      const claims = await Promise.all(
        processes.map(async ({ evidence }) => {
          const taken: string[] = [];
          for (const item of items) if (await evidence.claim(step, item)) taken.push(item);
          return taken;
        }),
      );
      expect(claims.flat().sort()).toEqual([...items].sort());
    });
  });
}
