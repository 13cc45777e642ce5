/** Mirrored questions in the meters. Labels are versions; their number is bounded by what a process ever loads. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { DropReason, Pair } from "./pair-tally.js";

const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
/** As of live first tokens. */
const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export class ShadowMetrics {
  readonly #pairs;
  readonly #similarity;
  readonly #firstToken;
  readonly #dropped;

  constructor(registry: Registry, readings: { readonly waiting: () => number; readonly bytes: () => number }) {
    const of = (name: string, help: string) => ({ name: `ocellus_shadow_${name}`, help, registers: [registry] });
    const pairs = of("pairs_total", "Live questions that a second version was asked too.");
    this.#pairs = new Counter({ ...pairs, labelNames: ["model", "outcome"] });
    const similarity = of("similarity", "1 - edit distance over words, between the answers of a pair.");
    this.#similarity = new Histogram({ ...similarity, labelNames: ["model"], buckets: tenths });
    const firstToken = of("time_to_first_token_seconds", "To the first token of a mirrored answer.");
    this.#firstToken = new Histogram({ ...firstToken, labelNames: ["model"], buckets: seconds });
    const dropped = of("dropped_total", "Questions that were to be mirrored and were not.");
    this.#dropped = new Counter({ ...dropped, labelNames: ["model", "reason"] });
    for (const [name, help] of [
      ["waiting", "Questions that wait to be mirrored."],
      ["bytes", "What these hold, and those in work."],
    ] as const) {
      const gauge: Gauge = new Gauge({ ...of(name, help), collect: () => gauge.set(readings[name]()) });
    }
  }

  /** @param pair undefined: the mirrored version failed */
  pair(model: string, pair: Pair | undefined): void {
    this.#pairs.inc({ model, outcome: pair ? (pair.agreement.isExact ? "same" : "other") : "failed" });
    if (!pair) return;
    this.#similarity.observe({ model }, pair.agreement.similarity);
    this.#firstToken.observe({ model }, pair.firstTokenMs[1] / 1000);
  }

  dropped(model: string, reason: DropReason): void {
    this.#dropped.inc({ model, reason });
  }
}
