/**
 * How often the analysis is wrong, and how soon it is right: simulated rollouts, looked at after every tenth request; docs/benchmarks.md.
 *   npm run bench -- rollouts [COUNT] [equal|steps|harm|whole|all]   equal versions; in several steps; one measure that is worse; all seven, users alike
 */

import { seeded } from "../src/rollout/analysis/seeded.testkit.js";
import { type Mix, mixes, type Outcome, rollout, traffic } from "../src/rollout/analysis/traffic.testkit.js";
import { CanaryAnalysis, type CanaryMetric, type CanaryVerdict, type Role } from "../src/rollout/index.js";

const alike = (rate: number, harmed: number): Pick<Mix, "rateOf" | "harm"> => ({
  rateOf: () => rate,
  harm: () => harmed,
});
/** Latencies spread like a log-normal whose deviation is 0.3: the part over the bar of the slowest fifth, at this share of the canary. */
const latency = (share: number) => (share < 0.1 ? alike(0.2, 0.5) : alike(0.09, 0.31));

/** What a canary does to users, each with hundreds of answers at most. */
const harms: Readonly<Record<string, readonly [CanaryMetric, Mix]>> = {
  "failures 2 → 10 %, 200 users, 5 %": ["error", { numUsers: 200, share: 0.05, ...alike(0.02, 0.1) }],
  "failures 2 → 10 %, 200 users, 50 %": ["error", { numUsers: 200, share: 0.5, ...alike(0.02, 0.1) }],
  "failures 2 → 10 %, 2,000 users, 5 %": ["error", { numUsers: 2000, share: 0.05, ...alike(0.02, 0.1) }],
  "failures doubled, 5 → 10 %, 200 users, 50 %": ["error", { numUsers: 200, share: 0.5, ...alike(0.05, 0.1) }],
  "failures doubled, 2 → 4 %, 2,000 users, 50 %": ["error", { numUsers: 2000, share: 0.5, ...alike(0.02, 0.04) }],
  "latency + 30 %, 200 users, 5 %": ["slow_first_token", { numUsers: 200, share: 0.05, ...latency(0.05) }],
  "latency + 30 %, 200 users, 50 %": ["slow_first_token", { numUsers: 200, share: 0.5, ...latency(0.5) }],
  "8 points more, users differ, 200 users, 50 %": [
    "error",
    { ...mixes["200 users, 50 %"]!, harm: (rate: number) => rate + 0.08 },
  ],
  "8 points more, users differ, Zipf, 2,000 users, 5 %": [
    "error",
    { ...mixes["2,000 users, Zipf, 5 %"]!, harm: (rate: number) => rate + 0.08 },
  ],
  "all answers fail, 12 keys, 50 %": ["error", { numUsers: 12, share: 0.5, ...alike(0.02, 1) }],
  "the margin itself, 2 → 4 %, 200 users, 50 %": ["error", { numUsers: 200, share: 0.5, ...alike(0.02, 0.04) }],
};

const maxRequests = 20_000;
const mostRequests = 60_000;
const lookEvery = 10;
const steps = [0.05, 0.25, 0.5];
/** One question of the golden set for each so many requests. */
const goldenEvery = 2;
/** Part of the stable version's answers that is compared. */
const mirrored = 0.1;

/** Probability of a bad answer: [stable, canary]. */
type Rates = Partial<Record<CanaryMetric, readonly [number, number]>>;

const same: Rates = {
  error: [0.02, 0.02],
  slow_first_token: [0.2, 0.2],
  slow_tokens: [0.2, 0.2],
  blocked: [0.01, 0.01],
  malformed: [0.02, 0.02],
  golden: [0.1, 0.1],
  disagreement: [0, 0.01], // of the same version's answers to the same questions, where a draw was near
};

const scenarios: readonly { name: string; share: number; rates: Rates }[] = [
  { name: "A/A", share: 0.5, rates: same },
  { name: "A/A", share: 0.05, rates: same },
  { name: "golden set 10 points worse", share: 0.5, rates: { ...same, golden: [0.1, 0.2] } },
  { name: "70 % alike, 80 % asked", share: 0.5, rates: { ...same, disagreement: [0, 0.3] } },
  { name: "70 % alike, 80 % asked", share: 0.05, rates: { ...same, disagreement: [0, 0.3] } },
  { name: "90 % alike, 80 % asked", share: 0.05, rates: { ...same, disagreement: [0, 0.1] } },
  { name: "80 % alike, 80 % asked", share: 0.5, rates: { ...same, disagreement: [0, 0.2] } },
];

/** All measures, a thousand users alike. */
function wholeRollout(seed: number, share: number, rates: Rates): Outcome {
  const random = seeded(seed);
  const next = traffic(random, { numUsers: 1000, share, rateOf: () => 0 });
  const analysis = new CanaryAnalysis({ share, required: ["disagreement"], agreementFloor: 0.8 });
  for (let numRequests = 1; numRequests <= mostRequests; numRequests++) {
    const { role, mark } = next();
    for (const [metric, [stable, canary]] of Object.entries(rates) as [CanaryMetric, readonly [number, number]][]) {
      if (metric === "disagreement") {
        if (role !== "stable" || random() >= mirrored) continue;
        analysis.observe(metric, "stable", 0, mark);
        analysis.observe(metric, "canary", random() < canary, mark);
      } else if (metric === "golden") {
        if (numRequests % goldenEvery === 0) analysis.observePair(askBoth(random, stable, canary));
      } else analysis.observe(metric, role, random() < (role === "canary" ? canary : stable), mark);
    }
    if (numRequests % lookEvery === 0 && analysis.decision !== "wait")
      return { decision: analysis.decision, numRequests };
  }
  return { decision: "wait", numRequests: mostRequests };
}

/** Equal versions through several steps, with the same users; somebody lets on what stays open. @returns the steps that were turned back */
function climb(seed: number, mix: Mix): boolean[] {
  const random = seeded(seed);
  const next = traffic(random, mix);
  return steps.map((share) => {
    const analysis = new CanaryAnalysis({ share });
    for (let numRequests = 1; numRequests <= maxRequests && analysis.decision === "wait"; numRequests++) {
      const { role, mark, rate } = next(share);
      analysis.observe("error", role, random() < rate, mark);
    }
    return analysis.decision === "roll_back";
  });
}

function reportSteps(numRollouts: number): void {
  for (const name of ["200 users, 5 %", "2,000 users, Zipf, 5 %"]) {
    const runs = Array.from({ length: numRollouts }, (_, i) => climb(i + 1, mixes[name]!));
    const turnedBack = steps.map((share, k) => `${share * 100} %: ${runs.filter((run) => run[k]).length}`);
    console.log(
      `steps in a row, ${name.replace(/, 5 %$/, "")}; turned back of ${numRollouts} at ${turnedBack.join(", ")}`,
    );
  }
}

/** The same question: mostly both fail at what is hard, now and then each on its own. */
function askBoth(random: () => number, stable: number, canary: number): Record<Role, boolean> {
  const difficulty = random();
  const own = random() < 0.2 ? random() : difficulty;
  return { stable: difficulty < stable, canary: own < canary };
}

function report(name: string, numRollouts: number, run: (seed: number) => Outcome): void {
  const runs = Array.from({ length: numRollouts }, (_, i) => run(i + 1));
  const requests = runs.map((each) => each.numRequests).sort((a, b) => a - b);
  const count = (wanted: CanaryVerdict["decision"]) =>
    String(runs.filter(({ decision }) => decision === wanted).length).padStart(6);
  const at = (part: number) => String(requests[Math.floor(part * (numRollouts - 1))]).padStart(8);
  console.log(`${name.padEnd(54)} ${count("roll_back")} ${count("advance")} ${count("wait")} ${at(0.5)} ${at(0.95)}`);
}

export async function main([text = "1000", which = "all"]: string[]): Promise<void> {
  const numRollouts = Number(text);
  console.log(`${"scenario, share of the canary".padEnd(54)}   back     on   open   median     95 %`);
  if (which === "equal" || which === "all")
    for (const [name, mix] of Object.entries(mixes))
      report(name, numRollouts, (seed) => rollout(new CanaryAnalysis({ share: mix.share }), seed, mix, maxRequests));
  if (which === "steps" || which === "all") reportSteps(numRollouts);
  if (which === "harm" || which === "all")
    for (const [name, [metric, mix]] of Object.entries(harms))
      report(name, numRollouts, (seed) =>
        rollout(new CanaryAnalysis({ share: mix.share }), seed, mix, maxRequests, metric),
      );
  if (which === "whole" || which === "all")
    for (const [index, { name, share, rates }] of scenarios.entries())
      report(`${name}, ${share * 100} %`, numRollouts, (seed) => wholeRollout(index * 1_000_003 + seed, share, rates));
}
