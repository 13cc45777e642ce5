/**
 * adapter_config.json of a LoRA folder as PEFT writes it: what decides on the merged weights is read, what would change them in
 * another way is refused by its name. [peft 0.21 LoraConfig, tuners/lora/model.py, utils/other.py]
 */
import { z } from "zod";
import { OcellusError, shorten } from "../base/index.js";

/** Of a pattern of Python's `re`, whether it is found in a text; how is the caller's, in linear time. */
export type CompilePattern = (pattern: string) => (text: string) => boolean;
export type MatchesPattern = (text: string, pattern: string) => boolean;

/** Published ranks end at 1024. */
const rank = z.int().min(1).max(8192);
/** Each may be a pattern, and is held against each module; models have some hundreds of modules, several to a pattern. */
const mostKeys = 4096;
const perModule = <T extends z.ZodType>(value: T) =>
  z
    .record(z.string().max(1024), value)
    .refine((found) => Object.keys(found).length <= mostKeys, `expected at most ${mostKeys} keys`)
    .nullish();

const configSchema = z.looseObject({
  peft_type: z.string(),
  r: rank,
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  target_modules: z.union([z.string().max(4096), z.array(z.string().max(1024)).max(65_536)]).nullish(),
  rank_pattern: perModule(rank),
  alpha_pattern: perModule(z.number()),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  base_model_name_or_path: z.string().nullish(),
});
export type AdapterConfig = z.infer<typeof configSchema>;

/**
 * What says nothing of merged weights: training, names, and which modules got tensors, which the tensors say themselves.
 * `fan_in_fan_out` is for modules of GPT-2 alone: PEFT takes it back for every linear layer, and our families have no others.
 */
const harmless: ReadonlySet<string> = new Set([
  ...["auto_mapping", "task_type", "peft_version", "revision", "inference_mode", "lora_dropout", "runtime_config"],
  ...["exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save", "bias", "fan_in_fan_out"],
  ...["megatron_core", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size"],
  "ensure_weight_tying",
]);

/** Ways to begin the training that leave the base weights alone; the others subtract a part of them. */
const plainBeginnings: readonly unknown[] = [undefined, null, true, false, "gaussian", "eva", "orthogonal"];

/** @throws `invalid_file`, `unsupported` naming the field. */
export function readAdapterConfig(json: unknown, path: string): AdapterConfig {
  const found = configSchema.safeParse(json);
  if (!found.success) {
    const [{ path: field, message } = { path: [], message: "" }] = found.error.issues;
    throw new OcellusError("invalid_file", `${path}: ${field.join(".")}: ${message}`, {
      details: { path, field: field.join(".") },
    });
  }
  const config = found.data;
  if (config.peft_type !== "LORA") throw refusal(path, "peft_type", config.peft_type);
  if (!plainBeginnings.includes(config.init_lora_weights))
    throw refusal(path, "init_lora_weights", config.init_lora_weights);
  const known = new Set([...Object.keys(configSchema.shape), ...harmless]);
  for (const [name, value] of Object.entries(config))
    if (!known.has(name) && !isOff(value)) throw refusal(path, name, value);
  return config;
}

function isOff(value: unknown): boolean {
  return value === null || value === false || (typeof value === "object" && Object.keys(value).length === 0);
}

function refusal(path: string, field: string, found: unknown): OcellusError {
  const said = shorten(JSON.stringify(found) ?? "", 60);
  return new OcellusError(
    "unsupported",
    `${path}: ${field} ${said} is not merged here; merge it with PEFT (merge_and_unload) and pack the result`,
    { details: { path, field, found } },
  );
}

/** Rank and scaling of a module by its path, as PEFT finds them. */
export function scalingOf(
  config: AdapterConfig,
  module: string,
  matches: MatchesPattern,
): { rank: number; scaling: number } {
  const { r, lora_alpha: alpha, rank_pattern, alpha_pattern, use_rslora } = config;
  const found = <T>(pattern: Readonly<Record<string, T>> | null | undefined, fallback: T): T => {
    const key = Object.keys(pattern ?? {}).find((each) => endsIn(module, each, matches));
    return key === undefined ? fallback : pattern![key]!;
  };
  const rankOfModule = found(rank_pattern, r);
  const share = use_rslora ? Math.sqrt(rankOfModule) : rankOfModule;
  return { rank: rankOfModule, scaling: found(alpha_pattern, alpha) / share };
}

/** Whether PEFT would give the module an adapter. */
export function isTarget({ target_modules: targets }: AdapterConfig, module: string, matches: MatchesPattern): boolean {
  if (targets === undefined || targets === null) return true; // by the family's defaults, which its tensors show
  if (typeof targets !== "string") return targets.some((target) => module === target || module.endsWith(`.${target}`));
  return targets.toLowerCase() === "all-linear" || matches(module, `^(?:${targets})$`);
}

/** The last names of a module's path, or a pattern that they fit. */
function endsIn(module: string, key: string, matches: MatchesPattern): boolean {
  if (/^[\w.]+$/.test(key)) return module === key || module.endsWith(`.${key}`);
  return matches(module, `^(?:.*\\.)?(?:${key})$`);
}
