/**
 * One measure of questions that are put to both versions: bettors on the canary's answers minus the stable version's, in blocks of
 * their order. Each question counts once, whichever users there are.
 */
import { z } from "zod";
import type { CanaryMetricFigures, KindFigures, Role } from "./metrics.js";
import { SequentialTest, sequentialTestSchema } from "./sequential-test.js";

const tallySchema = z.strictObject({ count: z.number().int().min(0), sum: z.number().min(0) });
const blockSchema = z.strictObject({ stable: tallySchema, canary: tallySchema });
export const pairContestSchema = z.strictObject({
  worse: sequentialTestSchema,
  fine: sequentialTestSchema,
  seen: blockSchema,
  kinds: z.record(z.string(), blockSchema).optional(),
  block: blockSchema,
  hasBeenWorse: z.boolean(),
});
type PairContestRecord = z.infer<typeof pairContestSchema>;

export class PairContest {
  readonly #worse: SequentialTest;
  readonly #fine: SequentialTest;
  readonly #seen: Block;
  readonly #kinds: Map<string, Block>;
  #block: Block;
  #hasBeenWorse: boolean;

  /** @param margin a difference that is surely not there, before a step is taken */
  constructor(margin: number, record?: PairContestRecord) {
    this.#worse = new SequentialTest(0, record?.worse);
    this.#fine = new SequentialTest(-margin, record?.fine);
    this.#seen = structuredClone(record?.seen ?? emptyBlock());
    this.#kinds = new Map(Object.entries(structuredClone(record?.kinds ?? {})));
    this.#block = structuredClone(record?.block ?? emptyBlock());
    this.#hasBeenWorse = record?.hasBeenWorse ?? false;
  }

  get record(): PairContestRecord {
    const [worse, fine, hasBeenWorse] = [this.#worse.record, this.#fine.record, this.#hasBeenWorse];
    const kinds = Object.fromEntries(this.#kinds);
    return structuredClone({ worse, fine, seen: this.#seen, kinds, block: this.#block, hasBeenWorse });
  }

  observe(role: Role, value: number, _mark: number, kind?: string): void {
    const ofKind = kind === undefined ? [] : [this.#ofKind(kind)[role]];
    for (const tally of [this.#seen[role], this.#block[role], ...ofKind]) {
      tally.count++;
      tally.sum += value;
    }
    const { stable, canary } = this.#block;
    if (stable.count === 0 || canary.count === 0) return;
    const difference = rate(canary) - rate(stable);
    this.#block = emptyBlock();
    this.#worse.add(difference);
    this.#fine.add(-difference); // H₀: -difference ≤ -margin
  }

  #ofKind(kind: string): Block {
    const found = this.#kinds.get(kind) ?? emptyBlock();
    this.#kinds.set(kind, found);
    return found;
  }

  /** Wealth that was once enough stays enough: that is what may be looked at at any time means. */
  isWorse(alpha: number): boolean {
    this.#hasBeenWorse ||= this.#worse.rejects(alpha);
    return this.#hasBeenWorse;
  }

  isFine(alpha: number, minimum: number): boolean {
    return this.#worse.count >= minimum && this.#fine.rejects(alpha);
  }

  /** Users do not count here. */
  readonly lacksUsers = false;

  figures(): CanaryMetricFigures {
    const { stable, canary } = this.#seen;
    return {
      canary: rate(canary),
      stable: rate(stable),
      numCanary: canary.count,
      numStable: stable.count,
      pWorse: Math.min(1, Math.exp(-this.#worse.logWealth)),
      pNotFine: Math.min(1, Math.exp(-this.#fine.logWealth)),
      ...(this.#kinds.size > 0 && {
        kinds: Object.fromEntries([...this.#kinds].map(([kind, its]) => [kind, kindFigures(its)])),
      }),
    };
  }
}

type Block = z.infer<typeof blockSchema>;

function emptyBlock(): Block {
  return { stable: { count: 0, sum: 0 }, canary: { count: 0, sum: 0 } };
}

function kindFigures({ stable, canary }: Block): KindFigures {
  return { questions: canary.count, canary: canary.sum, stable: stable.sum };
}

function rate({ count, sum }: { count: number; sum: number }): number {
  return count === 0 ? 0 : sum / count;
}
