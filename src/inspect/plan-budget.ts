/**
 * Mixed precision under a budget of bytes. What four bits in a matrix do to the model's words is measured (KL of the next
 * token, int4 in blocks of 32); other formats are taken to do as much more or less as their output error is larger or
 * smaller, since KL grows with the square of a small disturbance:
 *
 *   error(format) = KL(int4 b32) · E(format) / E(int4 b32),   E = Σ_k energy_k Σ_n (w_nk − ŵ_nk)²
 *
 * The knapsack over these is in choose-formats.ts; docs/quantization.md says how well this foretells.
 */

import { openCheckpoint } from "../core/checkpoint/index.js";
import {
  autoPlan,
  fixedBytes,
  formatsOf,
  type MatrixGroup,
  matrixGroups,
  type PackingPlan,
  plannedBytes,
  readModel,
  type SourceModel,
} from "../core/pack/index.js";
import type { ChatMessage } from "../core/processor/index.js";
import { sameFormat, storedBytes, type WeightFormat } from "../core/tensor/index.js";
import { chooseFormats, type FormatOption } from "./choose-formats.js";
import { formatErrors, type TensorErrors } from "./format-errors.js";
import { measureSensitivity, type Sensitivity, type SensitivityOptions } from "./sensitivity.js";

export interface BudgetOptions extends SensitivityOptions {
  /** Most bytes of all weights of the packed model. */
  readonly budgetBytes: number;
  /** What a model is asked to see which matrices matter. */
  readonly conversations: readonly (readonly ChatMessage[])[];
  /** "same": the eye may get four bits too. Default int8. */
  readonly visionWeights?: PackingPlan["visionWeights"];
  /** "int4": the token table and the head may get four bits too. Default int8. */
  readonly embeddingWeights?: PackingPlan["embeddingWeights"];
  /** Of the pass over the weights, in bytes. */
  readonly onPassProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface PlannedMatrix extends FormatOption {
  /** Stacked matrices share a format. */
  readonly tensors: readonly string[];
}

export interface BudgetPlan {
  /** For `pack`. */
  readonly plan: PackingPlan;
  readonly budgetBytes: number;
  /** Of all weights, as they will be written. */
  readonly bytes: number;
  /** `error`: the divergence in nats that this matrix is taken to cause. */
  readonly matrices: readonly PlannedMatrix[];
}

/** @throws `invalid_request` naming the smallest possible size when the budget is below it; as `measureSensitivity`. */
export async function planByBudget(path: string, options: BudgetOptions): Promise<BudgetPlan> {
  const { budgetBytes, conversations, visionWeights = "w8a8", embeddingWeights = "int8" } = options;
  const kept = { visionWeights, embeddingWeights };
  const checkpoint = await openCheckpoint(path);
  const model = await readModel(checkpoint).finally(() => checkpoint.close()); // headers outlive it
  const groups = matrixGroups(model);
  const fixed = fixedBytes(model, groups, kept);
  const sized = groups.map((group) => formatsOf(group, model, kept).map((format) => optionOf(group, format)));
  chooseFormats(sized, budgetBytes, fixed); // an impossible budget is told before minutes of measuring
  const sensitivities = await measureSensitivity(path, conversations, options);
  const choices = await weighed(path, { model, groups, sized }, sensitivities, options);
  const chosen = chooseFormats(choices, budgetBytes, fixed);
  const plan = autoPlan(new Map(groups.map(({ tensors }, i) => [tensors[0]!, chosen[i]!.format])), kept);
  const matrices = groups.map(({ tensors }, i) => ({ tensors, ...chosen[i]! }));
  return { plan, budgetBytes, bytes: plannedBytes(model, plan), matrices };
}

function optionOf({ rows, columns }: MatrixGroup, format: WeightFormat): FormatOption {
  return { format, bytes: storedBytes(format, rows, columns), error: 0 };
}

interface Sized {
  readonly model: SourceModel;
  readonly groups: readonly MatrixGroup[];
  readonly sized: readonly (readonly FormatOption[])[];
}

/** What the sensitivities are measured in. */
const measured: WeightFormat = { kind: "int4", blockSize: 32 };

async function weighed(
  path: string,
  { model, groups, sized }: Sized,
  sensitivities: readonly Sensitivity[],
  { signal, onPassProgress }: BudgetOptions,
): Promise<FormatOption[][]> {
  const byTensor = new Map(sensitivities.map((found) => [found.tensor, found]));
  const queries = groups.map((group, i) => {
    const formats = [measured, ...sized[i]!.map(({ format }) => format)];
    return { group, formats, energies: byTensor.get(group.tensors[0]!)!.energies };
  });
  const errors = await formatErrors(path, queries, {
    ...(signal && { signal }),
    ...(onPassProgress && { onProgress: onPassProgress }),
  });
  const noise = noiseOf(errors);
  return groups.map(({ tensors }, i) => {
    const [unit, ...others] = queries[i]!.formats.map((_, n) => tensors.reduce((sum, t) => sum + noise(t, n), 0));
    const { kl } = byTensor.get(tensors[0]!)!;
    return sized[i]!.map((option, n) => {
      const isStored = tensors.every((t) => holds(model, t, option.format));
      return { ...option, error: isStored || unit === 0 ? 0 : (kl * others[n]!) / unit! };
    });
  });
}

function holds({ weights }: SourceModel, tensor: string, format: WeightFormat): boolean {
  const stored = weights.stored?.exactFormat(tensor);
  return stored !== undefined && sameFormat(stored, format);
}

function noiseOf(errors: readonly TensorErrors[]): (tensor: string, format: number) => number {
  const byName = new Map(errors.map((found) => [found.name, found]));
  return (tensor, format) => byName.get(tensor)!.errors[format]!.noise;
}
