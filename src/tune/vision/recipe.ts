/** How a model is tuned: the options, their defaults and their bounds, and what of them decides on the numbers. */
import { OcellusError, optionNames } from "../../core/base/index.js";
import { textDigest } from "../../core/fs/index.js";
import type { LoraChoice } from "./lora.js";

export interface Recipe {
  /** Top blocks of the vision encoder whose weights are trained. Default 0. */
  readonly blocks: number;
  /** Whether the connector between encoder and decoder is. Default false. */
  readonly connector: boolean;
  /** Adapters beside products of the decoder. Absent: the decoder stays as it is. */
  readonly lora?: LoraChoice | undefined;
  /** Passes over the questions. Default 3. */
  readonly epochs: number;
  /** Questions that are read at once. Default 8. */
  readonly batchSize: number;
  /** Batches whose gradients make one update. Default 1. */
  readonly accumulate: number;
  /** At its height. Default 1e-4. */
  readonly learningRate: number;
  /** Share of the updates in which the learning rate rises; then it falls to zero along a cosine. Default 0.1. */
  readonly warmup: number;
  /** Default 0.01; not of norms and biases. */
  readonly weightDecay: number;
  /** Most that all gradients together may be long. Default 1. */
  readonly clip: number;
  /** Share of the pictures that is held out. Default 0.1. */
  readonly heldOut: number;
  /** Evaluations in a row without a lesser held-out loss after which it ends. Default 3. */
  readonly patience: number;
  /** Updates from one evaluation to the next. Default 0: an epoch. */
  readonly evaluateEvery: number;
  /** Of old questions, for each new one in an epoch, where there are such. Default 1. */
  readonly rehearsalRatio: number;
  readonly seed: number;
  /**
   * Whether the decoder's blocks are computed once more on the way back instead of being kept: a block's activations are in memory at
   * a time, for about a third more work. Default false.
   */
  readonly gradientCheckpointing: boolean;
}

export const defaultRecipe: Recipe = {
  ...{ blocks: 0, connector: false, epochs: 3, batchSize: 8, accumulate: 1, learningRate: 1e-4, warmup: 0.1 },
  ...{ weightDecay: 0.01, clip: 1, heldOut: 0.1, patience: 3, evaluateEvery: 0, rehearsalRatio: 1, seed: 0 },
  gradientCheckpointing: false,
};

/** Least and most; beyond them is a slip of the hand, not a recipe. */
const bounds = {
  blocks: [0, 1024],
  epochs: [1, 10_000],
  batchSize: [1, 1024],
  accumulate: [1, 1024],
  learningRate: [0, 1],
  warmup: [0, 1],
  weightDecay: [0, 1],
  clip: [1e-6, 1e6],
  heldOut: [0.001, 0.9],
  patience: [1, 1000],
  evaluateEvery: [0, 1e9],
  rehearsalRatio: [0, 100],
  seed: [0, 2 ** 32 - 1],
} as const satisfies Partial<Record<keyof Recipe, readonly [number, number]>>;

const wholeNumbers: readonly string[] = ["blocks", "epochs", "batchSize", "accumulate", "patience", "evaluateEvery", "seed"]; // biome-ignore format: one thought

export const recipeNames = optionNames<Recipe>({
  ...{ blocks: true, connector: true, lora: true, epochs: true, batchSize: true, accumulate: true, learningRate: true },
  ...{ warmup: true, weightDecay: true, clip: true, heldOut: true, patience: true, evaluateEvery: true },
  ...{ rehearsalRatio: true, seed: true, gradientCheckpointing: true },
});

/** Of options among which there may be others. @throws `invalid_request` naming the field. */
export function recipeOf(options: Partial<Recipe>): Recipe {
  const given = Object.entries(options).filter(([name, value]) => recipeNames.includes(name) && value !== undefined);
  const recipe: Recipe = { ...defaultRecipe, ...Object.fromEntries(given) };
  for (const [field, [low, high]] of Object.entries(bounds)) {
    const found = recipe[field as keyof typeof bounds];
    const isWhole = Number.isInteger(found) || !wholeNumbers.includes(field);
    if (!(found >= low && found <= high && isWhole)) throw refused(field, `a number from ${low} to ${high}`, found);
  }
  const { blocks, connector, lora } = recipe;
  if (blocks === 0 && !connector && !lora)
    throw refused("blocks", "something to train: blocks, a connector or LoRA", "nothing");
  if (!lora) return recipe;
  if (!(Number.isInteger(lora.rank) && lora.rank >= 1 && lora.rank <= 1024))
    throw refused("lora", "a rank from 1 to 1024", lora.rank);
  if (!(lora.alpha > 0 && lora.alpha <= 1e6)) throw refused("lora-alpha", "a number above 0", lora.alpha);
  return recipe;
}

function refused(field: string, expected: string, found: unknown): OcellusError {
  return new OcellusError("invalid_request", `${field}: expected ${expected}, found ${found}`, {
    details: { field, expected, found },
  });
}

/** @param more what else decides: the model and the data */
export function recipeDigest(recipe: Recipe, more: readonly string[]): string {
  return textDigest(JSON.stringify([Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)), more]));
}
