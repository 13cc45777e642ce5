import { describe, expect, it } from "vitest";
import { CanaryAnalysis } from "./canary-analysis.js";
import type { Role } from "./metrics.js";
import { seeded } from "./seeded.testkit.js";
import { SequentialTest } from "./sequential-test.js";
import { maxMark } from "./user-cells.js";

/** In how many of `numRuns` a bettor against `bound` ever reaches 1/α, looking after every value. */
function timesRejected(bound: number, alpha: number, numRuns: number, numValues: number, draw: (r: number) => number) {
  let rejected = 0;
  for (let run = 0; run < numRuns; run++) {
    const random = seeded(run + 1);
    const bettor = new SequentialTest(bound);
    for (let i = 0; i < numValues && !bettor.rejects(alpha); i++) bettor.add(draw(random()));
    rejected += bettor.rejects(alpha) ? 1 : 0;
  }
  return rejected;
}

describe("a bettor", () => {
  it("is fooled with a probability of at most α, looking after each of 2,000 values", () => {
    const fair = (r: number) => (r < 0.1 ? 1 : r < 0.2 ? -1 : 0);
    const atTheBound = (r: number) => (r < 0.2 ? 1 : -0.25); // mean 0, skewed
    const numRuns = 1000;
    const mostly = numRuns * 0.05 + 3 * Math.sqrt(numRuns * 0.05 * 0.95); // three standard deviations above α
    for (const draw of [fair, atTheBound]) expect(timesRejected(0, 0.05, numRuns, 2000, draw)).toBeLessThan(mostly);
  });

  it("finds out, soon, where the mean is above the bound", () => {
    const worse = (r: number) => (r < 0.15 ? 1 : r < 0.2 ? -1 : 0); // mean 0.1
    expect(timesRejected(0, 0.001, 200, 1000, worse)).toBeGreaterThan(198);
    expect(timesRejected(-0.1, 0.001, 200, 1000, (r) => (r < 0.1 ? 1 : r < 0.2 ? -1 : 0))).toBeGreaterThan(198);
  });

  it("is never ruined by one value", () => {
    const bettor = new SequentialTest(0);
    for (let i = 0; i < 1000; i++) bettor.add(1);
    bettor.add(-1);
    expect(bettor.logWealth).toBeGreaterThan(100);
    expect(new SequentialTest(0.5).logWealth).toBe(0);
  });
});

describe("the analysis", () => {
  /** Traffic of users with these rates of bad answers, until a decision. */
  function rollout(stable: number, canary: number, { share = 0.5, seed = 1, max = 20_000, numUsers = 400 } = {}) {
    const random = seeded(seed);
    const analysis = new CanaryAnalysis({ share });
    const users = Array.from({ length: numUsers }, () => ({
      role: (random() < share ? "canary" : "stable") as Role,
      mark: Math.floor(random() * maxMark),
    }));
    for (let numRequests = 1; numRequests <= max; numRequests++) {
      const { role, mark } = users[Math.floor(random() * numUsers)]!;
      analysis.observe("error", role, random() < (role === "canary" ? canary : stable), mark);
      if (analysis.decision !== "wait") return { ...analysis.verdict(), numRequests };
    }
    return { ...analysis.verdict(), numRequests: max };
  }

  it("lets on what is equal and turns back what is worse, with the figures", () => {
    expect(rollout(0.02, 0.02)).toMatchObject({ decision: "advance" });
    const worse = rollout(0.02, 0.1);
    expect(worse.decision).toBe("roll_back");
    expect(worse.reason).toMatch(
      /answers that failed: \d+\.\d % in mean over \d+ users \(\d+ answers\) against .*; chance alone/,
    );
    expect(worse.figures.error!.pWorse).toBeLessThan(0.01 / 7);
  });

  it("does not let on by luck: never before the least number of answers, even if none is bad", () => {
    expect(rollout(0, 0).numRequests).toBeGreaterThanOrEqual(200);
  });

  it("says when users are too few to continue by, and waits", () => {
    const few = rollout(0.02, 0.02, { numUsers: 12 });
    expect(few.decision).toBe("wait");
    expect(few.reason).toMatch(/fewer than 10 users .* a person can decide/);
    expect(few.figures.error!.usersCanary! + few.figures.error!.usersStable!).toBe(12);
  });

  it("turns back a canary with better manners and wrong answers", () => {
    const random = seeded(3);
    const analysis = new CanaryAnalysis({ share: 0.5 });
    let numQuestions = 0;
    while (analysis.decision === "wait") {
      analysis.observe("error", numQuestions % 2 === 0 ? "canary" : "stable", false, numQuestions);
      const difficulty = random();
      const isBad = { stable: difficulty < 0.05, canary: difficulty < 0.3 };
      analysis.observePair(isBad, numQuestions % 3 === 0 ? "set" : "exact");
      numQuestions++;
    }
    expect(analysis.verdict()).toMatchObject({ decision: "roll_back" });
    expect(analysis.verdict().reason).toMatch(
      /wrong answers to questions whose answers are known: .* of \d+ \(set \d+, exact \d+\); chance alone/,
    );
    const { set, exact } = analysis.verdict().figures.golden!.kinds!;
    expect(set!.questions + exact!.questions).toBe(numQuestions);
    expect(set!.canary + exact!.canary).toBeCloseTo(analysis.verdict().figures.golden!.canary * numQuestions);
    expect(numQuestions).toBeLessThan(200);
  });

  it("waits for what is required, and for traffic of both kinds", () => {
    const analysis = new CanaryAnalysis({ share: 0.5, required: ["golden"] });
    expect(analysis.verdict()).toMatchObject({
      decision: "wait",
      reason: expect.stringMatching(/no evidence on wrong answers/),
    });
    for (let i = 0; i < 5000; i++) analysis.observe("error", "stable", false, 2 * i);
    for (let i = 0; i < 5000; i++) analysis.observePair({ stable: false, canary: false });
    expect(analysis.verdict()).toMatchObject({ decision: "wait" });
    for (let i = 0; i < 5000; i++) analysis.observe("error", i % 2 ? "stable" : "canary", false, i);
    expect(analysis.verdict()).toMatchObject({ decision: "advance" });
  });

  describe("of agreement", () => {
    /** Pairs that are so alike, until a decision. */
    function compare(similarity: () => number, agreementFloor = 0.8, max = 5000) {
      const analysis = new CanaryAnalysis({ share: 0.5, required: ["disagreement"], agreementFloor });
      let numPairs = 0;
      for (; numPairs < max && analysis.decision === "wait"; numPairs++) {
        analysis.observe("disagreement", "stable", 0, 7919 * numPairs);
        analysis.observe("disagreement", "canary", 1 - similarity(), 7919 * numPairs);
      }
      return { ...analysis.verdict(), numPairs };
    }

    it("waits for pairs, and lets on what says the same", () => {
      expect(new CanaryAnalysis({ share: 0.5, required: ["disagreement"] }).verdict().reason).toMatch(
        /no evidence on disagreement/,
      );
      expect(compare(() => 1)).toMatchObject({ decision: "advance" });
    });

    it("turns back what answers below the floor, soon and with the figures, and lets on what is above", () => {
      const random = seeded(5);
      const bad = compare(() => (random() < 0.6 ? random() : 1)); // 0.7
      expect(bad.decision).toBe("roll_back");
      expect(bad.numPairs).toBeLessThan(1000);
      expect(bad.reason).toMatch(
        /disagreement with the stable version's answers: \d+\.\d % over \d+ questions of \d+ users, 20\.0 % is/,
      );
      expect(compare(() => (random() < 0.2 ? random() : 1)).decision).toBe("advance"); // 0.9
    });

    it("holds what the floor allows for no fault, however often it looks", () => {
      let numBack = 0;
      for (let run = 1; run <= 200; run++) {
        const random = seeded(run);
        numBack += compare(() => (random() < 0.2 ? 0 : 1), 0.8, 1000).decision === "roll_back" ? 1 : 0;
      }
      expect(numBack).toBeLessThan(200 * 0.01 + 3 * Math.sqrt(200 * 0.01)); // α is shared by all measures
    });
  });

  it("keeps to a decision to go back", () => {
    const analysis = new CanaryAnalysis({ share: 0.5 });
    for (let i = 0; i < 400; i++) analysis.observe("error", i % 2 ? "stable" : "canary", i % 2 === 0, i);
    expect(analysis.verdict().decision).toBe("roll_back");
    for (let i = 0; i < 100_000; i++) analysis.observe("error", i % 2 ? "stable" : "canary", false, i);
    expect(analysis.verdict().decision).toBe("roll_back");
  });
});
