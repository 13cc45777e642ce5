/**
 * What differs between the servers that speak OpenAI's protocol, as data: where they say that they are ready, which version they
 * are, how busy they are, and how they spell what OpenAI's API does not have. Read from their sources: vLLM 0.32, SGLang's
 * main branch of 2026-11, llama.cpp's server b8xxx, transformers 5.24 (`serve`, kind "openai"), and from our own routes.
 */

export const engineKinds = ["openai", "vllm", "sglang", "llama-server", "ocellus"] as const;
export type EngineKind = (typeof engineKinds)[number];

/** Wishes that OpenAI's API has no field for. */
export type ExtraField =
  | "top_k"
  | "min_p"
  | "repetition_penalty"
  | "stop_token_ids"
  | "chat_template_kwargs"
  | "thinking_token_budget"
  | "continue_final_message"
  | "add_generation_prompt";

export interface EngineTraits {
  /** GET: 200 when it can answer. */
  readonly health: string;
  /** GET: JSON with members that say which version and which weights it runs, beside those of /v1/models. */
  readonly reports: readonly { readonly path: string; readonly members: readonly string[] }[];
  /** Gauges at GET /metrics. Absent: it has none. */
  readonly metrics?: { readonly running: string; readonly waiting: string; readonly cacheUsage?: string };
  /** Where it has what the model thought: read in either, written to its history in this one. */
  readonly reasoning: "reasoning" | "reasoning_content";
  /**
   * Statuses with which it says that it no longer has an image. Absent: an image part takes no name; else it takes `uuid`, and only
   * that, with `image_url: null`, once the engine has seen the image.
   */
  readonly forgotten?: readonly number[];
  /** How it spells them; what is not here it would ignore. */
  readonly extra: Readonly<Partial<Record<ExtraField, string>>>;
  /** Bits of a seed that it takes. */
  readonly seedBits: 32 | 53;
}

const shared = { top_k: "top_k", min_p: "min_p", chat_template_kwargs: "chat_template_kwargs" };
const continued = { continue_final_message: "continue_final_message", add_generation_prompt: "add_generation_prompt" };
const vllmLike = { ...shared, ...continued, repetition_penalty: "repetition_penalty" };

export const engineTraits: Readonly<Record<EngineKind, EngineTraits>> = {
  openai: {
    health: "/v1/models",
    reports: [],
    reasoning: "reasoning_content",
    extra: {},
    seedBits: 53,
  },
  vllm: {
    health: "/health",
    reports: [{ path: "/version", members: ["version"] }],
    metrics: {
      running: "vllm:num_requests_running",
      waiting: "vllm:num_requests_waiting",
      cacheUsage: "vllm:kv_cache_usage_perc",
    },
    reasoning: "reasoning",
    forgotten: [400],
    extra: { ...vllmLike, stop_token_ids: "stop_token_ids", thinking_token_budget: "thinking_token_budget" },
    seedBits: 53,
  },
  sglang: {
    health: "/health",
    reports: [
      { path: "/server_info", members: ["version"] },
      { path: "/get_model_info", members: ["model_path", "weight_version"] },
    ],
    metrics: {
      running: "sglang:num_running_reqs",
      waiting: "sglang:num_queue_reqs",
      cacheUsage: "sglang:token_usage",
    },
    reasoning: "reasoning_content",
    extra: {
      ...shared,
      repetition_penalty: "repetition_penalty",
      stop_token_ids: "stop_token_ids",
      continue_final_message: "continue_final_message",
    },
    seedBits: 53,
  },
  "llama-server": {
    health: "/health",
    reports: [{ path: "/props", members: ["build_info", "model_path", "total_slots"] }],
    metrics: { running: "llamacpp:requests_processing", waiting: "llamacpp:requests_deferred" },
    reasoning: "reasoning_content",
    extra: { ...shared, repetition_penalty: "repeat_penalty", add_generation_prompt: "add_generation_prompt" },
    seedBits: 32,
  },
  ocellus: {
    health: "/health/ready",
    reports: [],
    metrics: {
      running: "ocellus_num_requests_running",
      waiting: "ocellus_num_requests_waiting",
      cacheUsage: "ocellus_kv_cache_usage",
    },
    reasoning: "reasoning_content",
    extra: { ...vllmLike, thinking_token_budget: "thinking_token_budget" },
    seedBits: 53,
  },
};
