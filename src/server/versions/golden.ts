/**
 * Questions whose answers are known, put to both versions while a canary is analysed: one at a time, in turn with the users, each
 * question once a step, by one of the processes that share the registry. Asked greedily, so that the same version gives the same answer.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { ChatMessage } from "../../core/runtime/index.js";
import { answerGreedily, goldenTokens } from "../../evals/index.js";
import type { Alias } from "../../rollout/index.js";
import type { ModelCatalog } from "../model-catalog.js";
import type { ServedModel } from "../served.js";
import type { Deployments } from "./deployments.js";
import type { Rollouts } from "./rollouts.js";

export interface GoldenCase {
  /** How its answer is told right from wrong: exact, set, pattern, schema. */
  readonly kind: string;
  readonly messages: readonly ChatMessage[];
  readonly isGood: (answer: string) => boolean;
}

const claimPauseMs = 5000;

export interface GoldenOptions {
  readonly cases: readonly GoldenCase[];
  readonly deployments: Deployments;
  readonly rollouts: Rollouts;
  /** Where the versions' guardrails and queues are. */
  readonly models: Pick<ModelCatalog, "serve">;
  readonly log: Logger;
}

export class GoldenRunner {
  readonly #options: GoldenOptions;
  /** The step of each alias that is being asked. */
  readonly #running = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(options: GoldenOptions) {
    this.#options = options;
    options.deployments.onChange(() => this.#look());
    this.#look();
  }

  /** Begins with every canary step that is analysed and not begun. */
  #look(): void {
    for (const alias of this.#options.deployments.aliases) {
      const { canary, name } = alias;
      if (!canary?.plan.analysis || canary.isPaused || this.#running.get(name) === canary.stepSeq) continue;
      this.#running.set(name, canary.stepSeq);
      void this.#ask(alias).catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#options.log.error({ alias: name, err: error }, "the golden set was not finished");
      });
    }
  }

  async #ask(alias: Alias): Promise<void> {
    for (const found of shuffled(this.#options.cases, alias.canary!.stepSeq)) {
      if (this.#stepOf(alias.name) !== alias.canary!.stepSeq) return; // decided meanwhile
      const [stableTag, canaryTag] = [alias.tag, alias.canary!.tag];
      if (!this.#options.deployments.loaded(stableTag) || !this.#options.deployments.loaded(canaryTag)) return;
      if (!(await this.#isOurs(alias, this.#options.cases.indexOf(found)))) continue;
      const [stable, canary] = [await this.#isBad(stableTag, found), await this.#isBad(canaryTag, found)];
      if (stable === undefined || canary === undefined) return;
      this.#options.rollouts.observePair(alias, { stable, canary }, found.kind);
    }
  }

  /** A version is held for one question at a time: what it waits for, to be closed, is short. */
  async #isBad(tag: string, found: GoldenCase): Promise<boolean | undefined> {
    const lease = this.#options.deployments.lease(tag);
    try {
      return lease && (await this.#answersBadly(this.#options.models.serve(lease), found));
    } finally {
      lease?.release();
    }
  }

  /** Waits for a database that is away: a question that no one has taken would be lost. */
  async #isOurs(alias: Alias, number: number): Promise<boolean> {
    for (;;) {
      try {
        return await this.#options.rollouts.claim(alias, `golden ${number}`);
      } catch (error) {
        this.#options.log.warn({ alias: alias.name, err: error }, "the golden set waits");
        await sleep(claimPauseMs, undefined, { signal: this.#stop.signal });
      }
    }
  }

  #stepOf(name: string): number | undefined {
    return this.#options.deployments.aliases.find((alias) => alias.name === name)?.canary?.stepSeq;
  }

  /** A failure to answer is a wrong answer. */
  async #answersBadly({ model, gate }: ServedModel, { messages, isGood }: GoldenCase): Promise<boolean> {
    const { signal } = this.#stop;
    const permit = await gate.enter({ owner: "golden", signal });
    try {
      const { text } = await answerGreedily(model, messages, { maxTokens: goldenTokens, signal });
      return !isGood(text);
    } catch (error) {
      if (signal.aborted) throw error;
      return true;
    } finally {
      permit.release();
    }
  }

  close(): void {
    this.#stop.abort();
  }
}

/** The same order for one step: whoever looks again sees the same. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const keyOf = (i: number) => createHash("sha256").update(`${seed} ${i}`).digest("hex");
  const order = items.map((item, i) => ({ item, key: keyOf(i) }));
  return order.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ item }) => item);
}
