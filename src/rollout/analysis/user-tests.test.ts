import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CanaryAnalysis } from "./canary-analysis.js";
import { seeded } from "./seeded.testkit.js";
import { mixes, rollout } from "./traffic.testkit.js";
import { UserCells } from "./user-cells.js";
import { logEvidenceOfHarm, pOfMargin } from "./user-tests.js";

/** How many answers each user gets, and how many of them are bad, by the stable version and by the canary. */
type Users = readonly { readonly mark: number; readonly bad: readonly [number, number]; readonly count: number }[];

/** The mean of the e-value over every draw that the split could have made. */
function meanOverDraws(users: Users, share: number): number {
  let total = 0;
  for (let draw = 0; draw < 2 ** users.length; draw++) {
    const cells = new UserCells();
    let chance = 1;
    for (const [i, { mark, bad, count }] of users.entries()) {
      const isCanary = (draw & (1 << i)) !== 0;
      chance *= isCanary ? share : 1 - share;
      for (let k = 0; k < count; k++)
        cells.add(isCanary ? "canary" : "stable", mark, Number(k < bad[Number(isCanary) as 0 | 1]));
    }
    total += chance * Math.exp(logEvidenceOfHarm(cells, share));
  }
  return total;
}

describe("evidence that the canary is worse", () => {
  it("has a mean of at most 1 over all draws of the split, whatever users are like or the canary does for them", () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    const user = fc
      .record({ mark: fc.nat(2 ** 30 - 1), count: fc.integer({ min: 1, max: 9 }), part, kept: part })
      .map(({ mark, count, ...of }) => {
        const bad = Math.round(of.part * count);
        return { mark, count, bad: [bad, Math.floor(of.kept * bad)] as const };
      });
    const users = fc.uniqueArray(user, { minLength: 1, maxLength: 7, selector: ({ mark }) => mark }); // equal marks are one user, drawn once
    const share = fc.constantFrom(0.05, 0.25, 0.5, 0.9);
    fc.assert(
      fc.property(users, share, fc.boolean(), (users, p, isCrowded) => {
        const placed = users.map((each, i) => (isCrowded ? { ...each, mark: 5 + 1024 * (i >> 1) + (i & 1) } : each));
        const alike = placed.map((each) => ({ ...each, bad: [each.bad[0], each.bad[0]] as const }));
        expect(meanOverDraws(alike, p)).toBeLessThan(1 + 1e-9);
        expect(meanOverDraws(alike, p)).toBeGreaterThan(0.5 - 1e-9); // half of the stake is a fair bet
        expect(meanOverDraws(placed, p)).toBeLessThan(1 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  it("is enough of a dozen users, where all who have the canary get nothing right; and none where one version is not seen", () => {
    const random = seeded(11);
    const found = Array.from({ length: 200 }, () => {
      const cells = new UserCells();
      for (let user = 0; user < 12; user++) {
        const isCanary = random() < 0.5;
        const mark = Math.floor(random() * 2 ** 30);
        for (let i = 0; i < 10; i++) cells.add(isCanary ? "canary" : "stable", mark, isCanary ? 1 : 0);
      }
      return logEvidenceOfHarm(cells, 0.5) > Math.log(700);
    });
    expect(found.filter(Boolean).length).toBeGreaterThan(150);
    const good = new UserCells();
    for (let mark = 0; mark < 500; mark++) good.add("stable", mark, 0);
    expect(logEvidenceOfHarm(good, 0.5)).toBeLessThanOrEqual(0);
  });

  it("is none where everybody has the canary", () => {
    const cells = new UserCells();
    for (let mark = 0; mark < 50; mark++) cells.add("canary", mark, 1);
    expect(logEvidenceOfHarm(cells, 1)).toBe(0);
  });
});

describe("the table of users", () => {
  it("is the same written down and read, and has about as many users as there are", () => {
    const random = seeded(4);
    const cells = new UserCells();
    for (let i = 0; i < 900; i++) cells.add(i % 3 ? "stable" : "canary", Math.floor(random() * 2 ** 30), random());
    const read = new UserCells(cells.rows);
    expect(read.rows).toEqual(cells.rows);
    expect(read.numUsers("stable")).toBeGreaterThan(550);
    expect(read.numUsers("stable")).toBeLessThan(650);
    expect(read.numCells("canary")).toBe(cells.numCells("canary"));
  });
});

describe("p of a margin", () => {
  it("is one where nothing is known, and small only where many agree", () => {
    const arm = (numUsers: number, count: number) => ({ rates: Array(numUsers).fill(0), count });
    expect(pOfMargin(0.02, arm(1, 1000), arm(50, 1000))).toBe(1);
    expect(pOfMargin(0.02, arm(20, 40), arm(20, 40))).toBeGreaterThan(0.05); // one more bad answer would be 2.5 points
    expect(pOfMargin(0.02, arm(20, 2000), arm(20, 2000))).toBeLessThan(0.001);
    expect(pOfMargin(0.02, { rates: [0, 0.5, 0, 0.5], count: 4000 }, arm(20, 2000))).toBe(1);
  });
});

describe("the analysis of equal versions", () => {
  it.each(Object.entries(mixes))("turns none of 60 back by chance: %s", (_, mix) => {
    const outcomes = Array.from({ length: 60 }, (_, i) =>
      rollout(new CanaryAnalysis({ share: mix.share }), i + 1, mix, 6000),
    );
    expect(outcomes.filter(({ decision }) => decision === "roll_back").length).toBeLessThanOrEqual(2); // 1 % and chance
  });

  it("turns back harm to all users, in most runs", () => {
    const mix = { ...mixes["200 users, 50 %"]!, rateOf: () => 0.05, harm: (rate: number) => rate + 0.1 };
    const outcomes = Array.from({ length: 20 }, (_, i) =>
      rollout(new CanaryAnalysis({ share: 0.5 }), i + 1, mix, 6000),
    );
    expect(outcomes.filter(({ decision }) => decision === "roll_back").length).toBeGreaterThan(15);
  });
});
