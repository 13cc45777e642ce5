/**
 * Metrics by alias and version. Versions come and go for as long as a server runs, and a scraper keeps every label it has
 * seen: of the pairs only those that were asked last have numbers here. An alias is empty where a version was asked by its tag.
 */
import { LRUCache } from "lru-cache";
import { Counter, Histogram, type Registry } from "prom-client";
import type { Resolution } from "../rollout/index.js";
import type { RequestStats } from "./request-events.js";
import type { AnswerQuality } from "./versions/rollouts.js";

/** Some thirty series each, so a thousand at most. */
const maxPairs = 32;
/** `other`: what a client got wrong or left, or a full queue; it says nothing about the version. */
const outcomes = ["ok", "failed", "blocked", "malformed", "other"] as const;
const pairNames = ["alias", "version"] as const;

interface Pair {
  readonly alias: string;
  readonly version: string;
}

export class VersionMetrics {
  readonly #requests: Counter<keyof Pair | "outcome">;
  readonly #completion: Counter<keyof Pair>;
  readonly #firstToken: Histogram<keyof Pair>;
  /** The last asked stands last. */
  readonly #pairs = new LRUCache<string, Pair>({
    max: maxPairs,
    dispose: (pair, _, reason) => reason === "evict" && this.#forget(pair),
  });

  constructor(registry: Registry, seconds: number[]) {
    const naming = (name: string, help: string) => ({ name: `ocellus_version_${name}`, help, registers: [registry] });
    const requests = naming("requests_total", "Requests that a version was chosen for, by how they ended.");
    this.#requests = new Counter({ ...requests, labelNames: [...pairNames, "outcome"] });
    const completion = naming("completion_tokens_total", "Tokens of a version's answers.");
    this.#completion = new Counter({ ...completion, labelNames: pairNames });
    const firstToken = naming("time_to_first_token_seconds", "From arrival to the first token of a version's answer.");
    this.#firstToken = new Histogram({ ...firstToken, labelNames: pairNames, buckets: seconds });
  }

  /** @param quality of the answer, where it is the version's doing */
  note({ alias = "", tag: version }: Resolution, quality: AnswerQuality | undefined, facts: RequestStats): void {
    const pair = { alias, version };
    this.#keep(pair);
    this.#requests.inc({ ...pair, outcome: outcomeOf(quality) });
    this.#completion.inc(pair, facts.completionTokens ?? 0);
    if (facts.firstTokenMs !== undefined) this.#firstToken.observe(pair, facts.firstTokenMs / 1000);
  }

  #keep(pair: Pair): void {
    const key = `${pair.alias} ${pair.version}`;
    this.#pairs.set(key, pair);
  }

  #forget({ alias, version }: Pair): void {
    for (const outcome of outcomes) this.#requests.remove({ alias, version, outcome });
    this.#completion.remove({ alias, version });
    this.#firstToken.remove({ alias, version });
  }
}

function outcomeOf(quality: AnswerQuality | undefined): (typeof outcomes)[number] {
  if (!quality) return "other";
  if (quality.isError) return "failed";
  if (quality.isBlocked) return "blocked";
  return quality.isMalformed ? "malformed" : "ok";
}
