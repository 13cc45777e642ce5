/**
 * How often the judge is wrong, and how soon it is right: simulated rollouts, A/A and with known damage, looked at after every
 * tenth request. Rates are those of a busy model; `npm run bench -- rollouts [COUNT]`; docs/versions.md.
 */
import { Judge, type Measure, type Role } from "../src/registry/index.js";
import { seeded } from "../src/registry/judge/seeded.testkit.js";

/** Probability of a bad answer: [stable, canary]. */
type Rates = Partial<Record<Measure, readonly [number, number]>>;

const same: Rates = {
  error: [0.02, 0.02],
  slow_first_token: [0.05, 0.05],
  slow_tokens: [0.05, 0.05],
  blocked: [0.01, 0.01],
  malformed: [0.02, 0.02],
  golden: [0.1, 0.1],
  disagreement: [0, 0.01], // of the same version's answers to the same questions, where a draw was near
};

const scenarios: readonly { name: string; share: number; rates: Rates }[] = [
  { name: "A/A", share: 0.5, rates: same },
  { name: "A/A", share: 0.05, rates: same },
  { name: "golden set 10 points worse", share: 0.5, rates: { ...same, golden: [0.1, 0.2] } },
  { name: "golden set 20 points worse", share: 0.05, rates: { ...same, golden: [0.1, 0.3] } },
  { name: "70 % alike, 80 % asked", share: 0.5, rates: { ...same, disagreement: [0, 0.3] } },
  { name: "70 % alike, 80 % asked", share: 0.05, rates: { ...same, disagreement: [0, 0.3] } },
  { name: "90 % alike, 80 % asked", share: 0.05, rates: { ...same, disagreement: [0, 0.1] } },
  { name: "80 % alike, 80 % asked", share: 0.5, rates: { ...same, disagreement: [0, 0.2] } },
  { name: "errors 2 → 10 %", share: 0.05, rates: { ...same, error: [0.02, 0.1] } },
  { name: "errors 2 → 10 %", share: 0.5, rates: { ...same, error: [0.02, 0.1] } },
  { name: "slow first tokens 5 → 20 %", share: 0.05, rates: { ...same, slow_first_token: [0.05, 0.2] } },
];

const maxRequests = 60_000;
const lookEvery = 10;
/** One question of the golden set for each so many requests. */
const goldenEvery = 2;
/** Part of the stable version's answers that is compared. */
const mirrored = 0.1;

function rollout(seed: number, share: number, rates: Rates) {
  const random = seeded(seed);
  const judge = new Judge({ required: ["disagreement"], agreementFloor: 0.8 });
  for (let request = 1; request <= maxRequests; request++) {
    const role: Role = random() < share ? "canary" : "stable";
    for (const [measure, [stable, canary]] of Object.entries(rates) as [Measure, readonly [number, number]][]) {
      const rate = role === "canary" ? canary : stable;
      if (measure === "disagreement") {
        const isCompared = role === "stable" && random() < mirrored;
        if (isCompared) judge.observePair(measure, { stable: false, canary: random() < canary });
      } else if (measure === "golden") {
        if (request % goldenEvery === 0) judge.observePair(measure, askBoth(random, stable, canary));
      } else judge.observe(measure, role, random() < rate);
    }
    if (request % lookEvery !== 0) continue;
    const { decision } = judge.verdict();
    if (decision !== "wait") return { decision, request };
  }
  return { decision: "wait" as const, request: maxRequests };
}

/** The same question: mostly both fail at what is hard, now and then each on its own. */
function askBoth(random: () => number, stable: number, canary: number): Record<Role, boolean> {
  const difficulty = random();
  const own = random() < 0.2 ? random() : difficulty;
  return { stable: difficulty < stable, canary: own < canary };
}

export async function main([text = "1000"]: string[]): Promise<void> {
  const numRollouts = Number(text);
  console.log(`${numRollouts} rollouts each; share is the canary's`);
  console.log("scenario                        share   back    on  open   requests: median    95 %");
  for (const [index, { name, share, rates }] of scenarios.entries()) {
    const runs = Array.from({ length: numRollouts }, (_, i) => rollout(index * 1_000_003 + i + 1, share, rates));
    const requests = runs.map((run) => run.request).sort((a, b) => a - b);
    const count = (wanted: string) => runs.filter(({ decision }) => decision === wanted).length;
    const at = (part: number) => requests[Math.floor(part * (numRollouts - 1))]!;
    console.log(
      `${name.padEnd(30)} ${`${share * 100} %`.padStart(6)} ${String(count("roll_back")).padStart(6)} ` +
        `${String(count("advance")).padStart(5)} ${String(count("wait")).padStart(5)} ${String(at(0.5)).padStart(18)} ${String(at(0.95)).padStart(7)}`,
    );
  }
}
