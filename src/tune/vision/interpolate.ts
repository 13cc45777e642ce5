/**
 * Weights between the base and what was trained. What a model loses by learning is often regained a part of the way back, where what
 * it learned still holds. [Wortsman et al. 2022, "Robust fine-tuning of zero-shot models" (WiSE-FT)]
 *
 *   θ(share) = base + share · (trained - base), of low-rank updates the whole product: B alone is scaled
 */
import { isLowRankA } from "./lora.js";
import { type Evaluation, type Trained, totalLoss } from "./state.js";

/** How far from the base, and the held-out losses there. */
export interface Interpolation extends Omit<Evaluation, "step"> {
  readonly share: number;
}

/** From the trained values back to the base, which have both been measured by then. */
const shares = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
/** So many in a row that lose more end the search. */
const patience = 2;

/**
 * Puts the values of the least held-out loss, new and rehearsed, into `best`.
 * @param measure the losses of `values`, which are overwritten; @param whole those of `best` as the run left it
 */
export async function interpolate(
  trained: readonly Trained[],
  base: readonly Float32Array[],
  measure: () => Promise<Omit<Evaluation, "step">>,
  { step: _, ...whole }: Evaluation,
): Promise<Interpolation> {
  let found: Interpolation = { share: 1, ...whole };
  let worse = 0;
  for (const share of shares) {
    for (const [i, { values, ...each }] of trained.entries()) between({ ...each, base: base[i]! }, share, values);
    const losses = await measure();
    if (totalLoss(losses) < totalLoss(found)) [found, worse] = [{ share, ...losses }, 0];
    else if (++worse === patience) break;
  }
  for (const [i, each] of trained.entries()) between({ ...each, base: base[i]! }, found.share, each.best);
  return found;
}

function between(
  { parameter, best, base }: Pick<Trained, "parameter" | "best"> & { readonly base: Float32Array },
  share: number,
  into: Float32Array,
): void {
  const part = isLowRankA(parameter) ? 1 : share;
  for (let i = 0; i < into.length; i++) into[i] = base[i]! + part * (best[i]! - base[i]!);
}
