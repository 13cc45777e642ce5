/**
 * A sequential test that may be looked at at any time: a bettor against the hypothesis that the mean of values in [-1, 1] is
 * at most `bound`. Each value multiplies the wealth by 1 + λ (x - bound), where λ ≥ 0 was chosen before x was seen. Under the
 * hypothesis wealth cannot be expected to grow, so it ever reaches 1/α with a probability of at most α (Ville), however often
 * and whenever one looks. λ follows what was seen so far (aGRAPA). Values may depend on the past; their mean given it counts.
 * [Waudby-Smith, Ramdas: Estimating means of bounded random variables by betting, JRSS B 2024, section 5.3 and appendix B]
 */
import { z } from "zod";
import { invariant } from "../../core/base/index.js";

/**
 * Largest stakes, as parts of what would risk everything on one value. The wealth is spread evenly over bettors with each: the
 * bold one is quick where bad things are rare, the careful one where they are common; their mean is a fair game like each.
 */
const boldness = [0.2, 0.5, 0.9];
const nothingSeen = { count: 0, sum: 0, squares: 0 };

/** The whole state of a test: another one that reads it continues where this one was. */
export const sequentialTestSchema = z.strictObject({
  logWealths: z.array(z.number()).length(boldness.length),
  count: z.number().int().min(0),
  sum: z.number(),
  squares: z.number().min(0),
});
export type SequentialTestRecord = z.infer<typeof sequentialTestSchema>;

export class SequentialTest {
  readonly bound: number;
  readonly #logWealths: number[];
  #count: number;
  #sum: number;
  #squares: number;

  /** @param bound in (-1, 1) */
  constructor(bound: number, record?: SequentialTestRecord) {
    invariant(bound > -1 && bound < 1, `a bettor's bound of ${bound}`);
    this.bound = bound;
    const { logWealths, count, sum, squares } = record ?? { logWealths: boldness.map(() => 0), ...nothingSeen };
    this.#logWealths = [...logWealths];
    this.#count = count;
    this.#sum = sum;
    this.#squares = squares;
  }

  get record(): SequentialTestRecord {
    return { logWealths: [...this.#logWealths], count: this.#count, sum: this.#sum, squares: this.#squares };
  }

  get count(): number {
    return this.#count;
  }

  /** Of the values so far; 0 before the first. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Natural logarithm: evidence against the hypothesis. */
  get logWealth(): number {
    const best = Math.max(...this.#logWealths);
    const sum = this.#logWealths.reduce((total, logWealth) => total + Math.exp(logWealth - best), 0);
    return best + Math.log(sum / boldness.length);
  }

  /** @param x in [-1, 1] */
  add(x: number): void {
    invariant(x >= -1 && x <= 1, `a value of ${x} for a bettor`);
    const wanted = this.#stake();
    for (const [i, bold] of boldness.entries())
      this.#logWealths[i]! += Math.log1p(Math.min(wanted, bold / (1 + this.bound)) * (x - this.bound));
    this.#count++;
    this.#sum += x;
    this.#squares += (x - this.mean) ** 2;
  }

  /** λ: mean over second moment of what was seen, begun as if four values of variance 1/4 at the bound had been. */
  #stake(): number {
    const gain = (this.#sum - this.#count * this.bound) / (this.#count + 1);
    const variance = (0.25 + this.#squares) / (this.#count + 1);
    return Math.max(0, gain / (variance + gain ** 2));
  }

  /** The hypothesis is rejected at level α. Stays true once wealth has been there: use at once. */
  rejects(alpha: number): boolean {
    return this.logWealth >= -Math.log(alpha);
  }
}
