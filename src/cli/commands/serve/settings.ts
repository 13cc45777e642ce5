/**
 * The settings of `ocellus serve`: default, bounds and help text of each, and the group that `--help` lists it in. Flags,
 * environment variables and the names in a config file all follow from this list (config.ts).
 */
import { z } from "zod";
import {
  embeddingWeightsOptions,
  prefillWeightsOptions,
  visionWeightsOptions,
  weightsOptions,
} from "../../../core/pack/index.js";
import { kvCacheDtypes } from "../../../core/runtime/index.js";
import { serverConfigSchema } from "../../../server/index.js";
import { bundledModel } from "../../package-files.js";

const MiB = 2 ** 20;
const bytes = z.number().int().min(0);

export const serveConfigSchema = z.strictObject({
  models: z
    .array(z.string().min(1))
    .min(1)
    .default([bundledModel])
    .describe("folder or owner/name to serve; NAME=FOLDER sets its name; repeatable (default: bundled demo model)"),
  weights: z
    .array(z.enum(weightsOptions))
    .min(1)
    .default(["int4"])
    .describe(`number format of the weights: ${weightsOptions.join(", ")}; a list serves each model in every format`),
  rerankerModel: z.string().optional().describe("checkpoint for /v1/rerank: Qwen3-VL-Reranker"),
  embeddingModel: z.string().optional().describe("checkpoint for /v1/embeddings: CLIP, SigLIP, Qwen3-VL-Embedding"),
  blockSize: z
    .union([z.literal(32), z.literal(64), z.literal(128)])
    .optional()
    .describe("columns that share a scale: 32, 64 or 128 (default: 32)"),
  visionWeights: z
    .enum(visionWeightsOptions)
    .optional()
    .describe(
      `format of the vision encoder in a 4-bit model: ${visionWeightsOptions.join(", ")} (default: w8a8 on the CPU, int8 elsewhere)`,
    ),
  embeddingWeights: z
    .enum(embeddingWeightsOptions)
    .default("int8")
    .describe(`format of the token embeddings and lm_head in a 4-bit model: ${embeddingWeightsOptions.join(", ")}`),
  prefillWeights: z
    .enum(["auto", ...prefillWeightsOptions])
    .default("auto")
    .describe(
      "weights that prompts are read by: int8, a second copy, faster and closer; same; auto, by model and memory",
    ),
  device: z.enum(["auto", "cpu", "webgpu", "cuda"]).default("auto").describe("device: auto, cpu, webgpu, cuda"),
  threads: z.number().int().min(1).max(1024).optional().describe("threads of one operator (default: all cores)"),
  imageThreads: z.number().int().min(1).max(64).default(1).describe("threads that decode and resize images"),
  speculation: z
    .enum(["auto", "off"])
    .default("auto")
    .describe("several tokens per decode step where they can be foreseen: auto, off; answers are the same"),
  draftModel: z
    .string()
    .min(1)
    .optional()
    .describe("smaller model with the tokenizer of every served model, which drafts tokens (default: none)"),
  kvCacheDtype: z
    .enum(kvCacheDtypes)
    .default("auto")
    .describe(
      "keys and values in the cache: float32; int8, a quarter of the memory, with scales from `ocellus pack --kv-cache-dtype int8`; auto, which is float32",
    ),
  maxSequences: z.number().int().min(1).max(1024).default(8).describe("sequences generated at once per model"),
  maxLength: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("most tokens of a prompt and its answer (default: the model's context)"),
  encoderCacheBytes: bytes.default(256 * MiB).describe("encoder cache size in memory; 0 disables it"),
  pinnedBytes: bytes.default(64 * MiB).describe("encoder cache size for pinned files (/v1/files with pin=true)"),
  encoderCacheFolder: z.string().optional().describe("folder for an encoder cache on disk (default: none)"),
  encoderCacheFolderBytes: bytes.default(4096 * MiB).describe("size limit of the encoder cache folder"),
  prefixCacheBytes: bytes.default(256 * MiB).describe("prefix cache size per model; 0 disables it"),
  nearDuplicateBytes: bytes.default(64 * MiB).describe("size of image fingerprints per model, for --reuse near"),
  reuse: z
    .enum(["exact", "near"])
    .default("exact")
    .describe("cached image encodings to reuse: exact, or near (also for near-duplicate images)"),
  browserModels: z
    .boolean()
    .default(false)
    .describe(
      "offer the models to browsers: pages may fetch their weights (at most 1 GB) and run them (docs/browser.md)",
    ),
  ...serverConfigSchema.shape,
  backends: z.string().optional().describe("file of engines elsewhere, whose models are served too (docs/gateway.md)"),
  registry: z
    .string()
    .optional()
    .describe("registry folder; its aliases are served as models (see `ocellus rollout publish`)"),
  databaseUrl: z.string().optional().describe("postgres:// address to use instead of the registry's SQLite file"),
  redisUrl: z
    .string()
    .optional()
    .describe("redis:// address of a Redis or Valkey in which several servers share rate limits"),
  keepWarmMs: bytes.default(15 * 60_000).describe("time a version stays loaded after no alias points at it"),
  memoryBytes: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("memory budget of all loaded versions, by estimate (default: free memory)"),
  golden: z
    .array(z.string())
    .default([])
    .describe("golden sets (folders or .jsonl files) to ask both versions during a canary"),
  webhookUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("URL to notify of alias changes; requests are signed with OCELLUS_WEBHOOK_SECRET"),
  trustedKeys: z.array(z.string()).default([]).describe("public key files; versions must be signed by one of them"),
  guards: z.string().optional().describe("guardrail policy file"),
  keysFile: z.string().optional().describe("API key file, written by `ocellus keys`"),
  adminKeysFile: z
    .string()
    .optional()
    .describe("key file for /admin/v1 (default: a temporary key, printed on a terminal)"),
  auth: z.boolean().default(true).describe("disable API keys; anyone who reaches the port can use the server"),
  stallMs: z
    .number()
    .int()
    .min(1000)
    .default(60_000) // far longer than any piece of honest work; each deadline and health check waits meanwhile
    .describe("longest block of the event loop before the process exits (for a supervisor to restart)"),
  logLevel: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("log level on stderr: debug, info, warn, error, silent"),
  logFormat: z.enum(["json", "text"]).optional().describe("log format: json or text (default: text on a terminal)"),
});

export type ServeConfig = z.infer<typeof serveConfigSchema>;
/** What the models are packed by. */
export function planOptions({ visionWeights, embeddingWeights, prefillWeights, blockSize, device }: ServeConfig) {
  return { visionWeights, embeddingWeights, prefillWeights, blockSize, device };
}

export type SettingName = keyof ServeConfig;

/** The order of `--help` and `--print-config`. */
export const settingGroups = {
  Models: [
    ...["models", "backends", "weights", "embeddingModel", "rerankerModel", "blockSize", "visionWeights"],
    ...["embeddingWeights", "prefillWeights", "kvCacheDtype", "device", "threads", "speculation", "draftModel"],
    ...["maxSequences", "maxLength", "browserModels"],
  ],
  Network: [
    ...["host", "port", "corsOrigins", "maxBodyBytes", "maxBodiesBytes"],
    ...["bodyIdleMs", "keepAliveMs", "deadlineMs", "drainMs", "stallMs"],
  ],
  "Images and videos": [
    ...["imageThreads", "maxImages", "maxImageBytes", "maxImagePixels", "maxPixelBytes", "decodeMs"],
    ...["maxVideos", "maxVideoBytes", "maxVideoSeconds", "videoMs"],
    ...["allowImageUrls", "imageHosts", "imageTimeoutMs", "maxFilesBytes"],
  ],
  Caches: [
    ...["encoderCacheBytes", "pinnedBytes", "encoderCacheFolder", "encoderCacheFolderBytes"],
    ...["prefixCacheBytes", "reuse", "nearDuplicateBytes"],
  ],
  Limits: ["maxQueue", "maxConcurrent", "requestsPerMinute", "requestsPerDay", "redisUrl"],
  "Guardrails and keys": ["guards", "keysFile", "adminKeysFile", "metricsKey", "insecureLocalAdmin", "auth"],
  Collections: ["collections", "collectionsReadOnly"],
  Versions: [
    ...["registry", "databaseUrl", "trustedKeys", "memoryBytes", "keepWarmMs", "golden", "webhookUrl"],
    ...["shadowRunning", "shadowQueue", "shadowBytes"],
  ],
  "Log and metrics": ["logLevel", "logFormat", "metricsNames"],
} as Readonly<Record<string, readonly SettingName[]>>;
