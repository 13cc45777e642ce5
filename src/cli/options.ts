/** Options that several commands share: which model, where it runs, how it answers; and the runtime options they become. */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  embeddingWeightsOptions,
  type PlanOptions,
  prefillWeightsOptions,
  visionWeightsOptions,
  weightsOptions,
} from "../core/pack/index.js";
import type {
  ChatOptions,
  Device,
  LoadOptions,
  PrefillWeights,
  SamplingOptions,
  Weights,
} from "../core/runtime/index.js";
import { kvCacheDtypes } from "../core/runtime/index.js";
import { bundledModel } from "./package-files.js";

export interface GlobalFlags {
  readonly json?: boolean;
  readonly debug?: boolean;
}

export interface PackingFlags extends Omit<PlanOptions, "prefillWeights"> {
  readonly weights?: Weights;
  readonly prefillWeights?: PrefillWeights;
}

export interface ModelFlags extends GlobalFlags, PackingFlags {
  readonly model: string;
  readonly guards?: string;
  readonly device?: Device | "auto";
  readonly threads?: number;
  readonly speculation?: "auto" | "off";
  readonly draftModel?: string;
  readonly kvCacheDtype?: LoadOptions["kvCacheDtype"];
}

export interface AnswerFlags extends ModelFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly system?: string;
  readonly thinking?: boolean;
  readonly thinkingBudget?: number;
}

export const weightsOption = () =>
  new Option("--weights <format>", "number format of the weights (default: int4)").choices(weightsOptions);

/** For `pack`, which can choose matrix by matrix. */
export const packWeightsOption = () =>
  new Option(
    "--weights <format>",
    "number format of the weights (default: int4); auto picks the best per matrix under --budget",
  ).choices([...weightsOptions, "auto"]);

export const blockSizeOption = () =>
  new Option(
    "--block-size <columns>",
    "columns that share a scale: 32 (most accurate), 64 or 128 (smallest)",
  ).argParser(integerBetween(32, 128));

export const zeroPointsOption = () =>
  new Option("--zero-points", "zero point per block of int4 weights: more accurate, half a byte more per block");

export const visionWeightsOption = () =>
  new Option(
    "--vision-weights <format>",
    "format of the vision encoder in a 4-bit model (default: w8a8 on the CPU, int8 elsewhere)",
  ).choices(visionWeightsOptions);

export const embeddingWeightsOption = () =>
  new Option(
    "--embedding-weights <format>",
    "format of the token embeddings and lm_head in a 4-bit model (default: int8)",
  ).choices(embeddingWeightsOptions);

export const prefillWeightsOption = () =>
  new Option(
    "--prefill-weights <format>",
    "weights that prompts are read by: int8, a second copy, faster and closer; same; or auto, by the size of model and memory (default: auto)",
  ).choices(["auto", ...prefillWeightsOptions]);

export const kvCacheDtypeOption = (what: string) => new Option("--kv-cache-dtype <dtype>", what).choices(kvCacheDtypes);

const speculationOption = () =>
  new Option(
    "--speculation <mode>",
    "several tokens per decode step where they can be foreseen (forced by a schema, found in the prompt): auto or off; answers are the same (default: auto)",
  ).choices(["auto", "off"]);

/** --model, --device, --threads; the format options are added beside it, since `eval` takes several formats. */
export function addModelOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--model <folder>", "checkpoint folder, packed model or owner/name").default(
        bundledModel,
        "bundled demo model",
      ),
    )
    .addOption(blockSizeOption())
    .addOption(zeroPointsOption())
    .addOption(visionWeightsOption())
    .addOption(embeddingWeightsOption())
    .addOption(prefillWeightsOption())
    .addOption(speculationOption())
    .addOption(
      kvCacheDtypeOption(
        "keys and values in the cache: float32; int8, a quarter of the memory, with scales from `ocellus pack --kv-cache-dtype int8`; auto (default: auto, which is float32)",
      ),
    )
    .option("--draft-model <folder>", "smaller model with the same tokenizer, which drafts tokens (default: none)")
    .addOption(
      new Option(
        "--device <device>",
        "device to run on (default: auto, which is WebGPU where it works, else the CPU)",
      ).choices(["auto", "cpu", "webgpu", "cuda"]),
    )
    .option("--guards <file>", "guardrail policy file (or OCELLUS_GUARDS)")
    .addOption(
      // 1024: more than any machine that ONNX Runtime knows has cores
      new Option("--threads <count>", "threads of one operator (default: all cores)").argParser(
        integerBetween(1, 1024),
      ),
    );
}

export function addAnswerOptions(command: Command): Command {
  return addModelOptions(command)
    .addOption(weightsOption())
    .option("--max-tokens <count>", "token limit of an answer", integerBetween(1, 1_000_000)) // no model here has a longer context
    .option("--temperature <value>", "sampling temperature; 0 always takes the most likely token", numberBetween(0, 2))
    .option(
      "--top-p <share>",
      "nucleus sampling: smallest set of tokens with this total probability",
      numberBetween(0, 1),
    )
    .option("--top-k <count>", "number of most likely tokens to sample from", integerBetween(0, 2 ** 20))
    .option("--min-p <share>", "minimum probability, relative to the most likely token", numberBetween(0, 1))
    .option("--seed <number>", "random seed for reproducible sampling", integerBetween(0, 2 ** 32 - 1))
    .option("--stop <text>", "stop sequence (repeatable)", collectTexts)
    .option("--system <text>", "system prompt")
    .option("--thinking", "let the model think before it answers, where its chat template can be told so")
    .option("--no-thinking", "answer at once (default where there is an image)")
    .option("--thinking-budget <tokens>", "token limit of the thoughts", integerBetween(0, 1_000_000)); // as --max-tokens
}

export function loadOptions(flags: Omit<ModelFlags, "model">): LoadOptions {
  const { weights, blockSize, zeroPoints, visionWeights, embeddingWeights, prefillWeights } = flags;
  const { device, threads, speculation, draftModel, kvCacheDtype } = flags;
  const packing = { weights, blockSize, zeroPoints, visionWeights, embeddingWeights, prefillWeights };
  return defined({ ...packing, device, threads, speculation, draftModel, kvCacheDtype });
}

export function chatOptions(flags: AnswerFlags, signal: AbortSignal): ChatOptions {
  const { temperature, topP, topK, minP, seed, maxTokens, stop, thinking: enableThinking, thinkingBudget } = flags;
  const sampling: SamplingOptions = defined({
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    seed,
  });
  const settings = defined({ maxTokens, stop, enableThinking, thinkingBudget });
  return { signal, ...settings, ...(Object.keys(sampling).length > 0 && { sampling }) };
}

/** The same object without the keys whose value is undefined: what exactOptionalPropertyTypes asks for. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export function integerBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`);
  };
}

/** `6GB`, `800 MB`, `5000000`: decimal units, as sizes are printed. */
export function byteSize(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)b?$/i.exec(text.trim()) ?? [];
  if (number === undefined) throw new InvalidArgumentError("Expected a size such as 6GB or 800MB.");
  return Math.floor(Number(number) * 1000 ** " kmgt".indexOf(unit.toLowerCase() || " "));
}

export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
  };
}

function collectTexts(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `a,b,c` → its parts, each checked to be one of `choices` when these are given. */
export function commaList<T extends string>(choices?: readonly T[]): (text: string) => T[] {
  return (text) => {
    const parts = text.split(",").map((part) => part.trim()) as T[];
    const wrong = parts.find((part) => (choices ? !choices.includes(part) : part === ""));
    if (wrong === undefined) return parts;
    throw new InvalidArgumentError(choices ? `Expected some of ${choices.join(", ")}.` : "Expected a,b,c.");
  };
}
