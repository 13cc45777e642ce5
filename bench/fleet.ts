/**
 * How well do requests about images meet the caches of many engines, and who waits? A simulation, seeded, of the routing that
 * serves beside others: `npm run bench -- fleet [--backends 10,100,500,2000] [--scenarios steady,crashes,deploy] [--load 0.7]
 * [--gateways 3] [--zipf 0.9] [--seed 1]`. What the columns mean is in docs/gateway.md.
 */
import { parseArgs } from "node:util";
import { OcellusError } from "../src/core/base/index.js";
import { defaultFleet, type FleetOptions } from "./support/fleet/options.js";
import { policyNames } from "./support/fleet/policies.js";
import { simulateFleet } from "./support/fleet/simulate.js";

const scenarios: Readonly<Record<string, Partial<FleetOptions>>> = {
  steady: {},
  crashes: { crashing: 0.2 },
  deploy: { deploys: true },
};

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      backends: { type: "string", default: "10,100,500,2000" },
      scenarios: { type: "string", default: Object.keys(scenarios).join(",") },
      load: { type: "string", default: String(defaultFleet.load) },
      gateways: { type: "string", default: String(defaultFleet.gateways) },
      zipf: { type: "string", default: String(defaultFleet.zipf) },
      seed: { type: "string", default: String(defaultFleet.seed) },
    },
  });
  const [load, gateways, zipf, seed] = [values.load, values.gateways, values.zipf, values.seed].map(Number) as [
    ...[number, number, number, number],
  ];
  for (const scenario of values.scenarios.split(",")) {
    const about = scenarios[scenario];
    if (!about)
      throw new OcellusError("invalid_request", `no scenario ${scenario}: ${Object.keys(scenarios).join(", ")}`);
    for (const backends of values.backends.split(",").map(Number))
      compare(`${scenario}, ${backends} backends`, { ...defaultFleet, load, gateways, zipf, seed, backends, ...about });
  }
}

function compare(title: string, options: Omit<FleetOptions, "policy">): void {
  console.log(`\n| ${title} | cache hits | busiest / mean | first token p50 | p99 | retried | broken off | refused |`);
  console.log("|---|---|---|---|---|---|---|---|");
  for (const policy of policyNames) {
    const { hitRate, imbalance, firstTokenMs, ...counts } = simulateFleet({ ...options, policy });
    const all = counts.answered + counts.brokenOff + counts.refused;
    const share = (count: number) => `${((100 * count) / all).toFixed(2)} %`;
    const times = [firstTokenMs.p50, firstTokenMs.p99].map((ms) => `${Math.round(ms)} ms`);
    const ends = [counts.retried, counts.brokenOff, counts.refused].map(share);
    console.log(
      `| ${[policy, `${(100 * hitRate).toFixed(1)} %`, imbalance.toFixed(2), ...times, ...ends].join(" | ")} |`,
    );
  }
}
