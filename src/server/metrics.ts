/** What a scraper reads at /metrics. Labels are models and route patterns: their number is bounded, and no text is in them. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Semaphore } from "../core/base/index.js";
import type { ModelStats } from "../core/runtime/index.js";
import { type Check, worstOf } from "../guardrails/index.js";
import type { ServerConfig } from "./config.js";
import type { ModelCatalog } from "./model-catalog.js";
import type { RateLimits } from "./rate-limit.js";
import type { FollowedRequest, RequestEnd, RequestListener } from "./request-events.js";
import { VersionMetrics } from "./version-metrics.js";
import type { DeliveryOutcome } from "./versions/webhook-dispatcher.js";
import { addVllmNames, waitingFor } from "./vllm-metrics.js";

/** From a cached picture and a short answer to a long one on a slow machine. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Sums of nodejs_active_* by their types, named like counters, which they are not: promtool objects. */
const misnamed = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/** Numbers that are asked for at each scrape. */
export interface Gauges {
  readonly models: ModelCatalog;
  readonly filesBytes: () => number;
  readonly requestBytes: () => number;
  readonly pixels: Pick<Semaphore, "taken" | "numWaiting">;
  readonly rates: RateLimits;
  /** `vllm`: the load under vLLM's names too. */
  readonly names: ServerConfig["metricsNames"];
}

export class Metrics implements RequestListener {
  readonly registry = new Registry();
  readonly versions = new VersionMetrics(this.registry, seconds);
  readonly #requests = this.#counter("requests_total", "Answered requests.", ["route", "status"]);
  readonly #duration = this.#histogram("request_duration_seconds", "From arrival to the last byte.", ["route"]);
  readonly #firstToken = this.#histogram("time_to_first_token_seconds", "From arrival to the first token.", ["model"]);
  readonly #perToken = this.#histogram(
    "time_per_output_token_seconds",
    "Mean time of an answer's tokens after the first.",
    ["model"],
  );
  readonly #queue = this.#histogram("request_queue_time_seconds", "Time in the admission queue.", ["model"]);
  readonly #prompt = this.#counter("prompt_tokens_total", "Tokens of prompts, images included.", ["model"]);
  readonly #completion = this.#counter("completion_tokens_total", "Tokens of answers.", ["model"]);
  readonly #prefixQueries = this.#counter("prefix_cache_queries_total", "Prompt tokens looked up.", ["model"]);
  readonly #prefixHits = this.#counter("prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", [
    "model",
  ]);
  readonly #drafted = this.#counter("spec_decode_num_draft_tokens_total", "Drafted tokens that were verified.", [
    "model",
  ]);
  readonly #accepted = this.#counter("spec_decode_num_accepted_tokens_total", "Drafted tokens that were right.", [
    "model",
  ]);
  readonly #forced = this.#counter(
    "forced_tokens_total",
    "Tokens that a schema left no choice of and that took no decode step of their own.",
    ["model"],
  );
  readonly #checks = this.#counter("guardrail_checks_total", "Checks by guardrails.", [
    ...(["guard", "stage", "category", "verdict"] as const),
  ]);
  readonly #checkSeconds = this.#histogram("guardrail_check_seconds", "Time of one check by a guardrail.", ["guard"]);
  readonly #webhook = this.#counter("webhook_posts_total", "Decisions posted to the webhook.", ["outcome"]);
  readonly #images = this.#counter("images_total", "Images of prompts.", ["model", "cached"]);

  constructor(gauges: Gauges) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of misnamed) this.registry.removeSingleMetric(name);
    this.#gauge("files_bytes", "Uploaded files in memory.", gauges.filesBytes);
    this.#gauge("request_bytes", "Bodies and fetched images that requests hold.", gauges.requestBytes);
    this.#gauge("pixel_bytes", "Preprocessed images that are not encoded yet.", () => gauges.pixels.taken);
    this.#gauge("pixel_waiting", "Requests waiting for memory for their images.", () => gauges.pixels.numWaiting);
    if (gauges.rates.isShared !== undefined)
      this.#gauge(
        "shared_rate_limits_up",
        "1: rate limits are shared; 0: the store is away, and this server keeps them by itself.",
        () => Number(gauges.rates.isShared),
      );
    this.#modelGauges(gauges.models);
    if (gauges.names === "vllm") addVllmNames(this.registry, gauges.models);
  }

  end({ started, stats }: FollowedRequest, { route, status }: RequestEnd): void {
    this.#requests.inc({ route, status });
    this.#duration.observe({ route }, (performance.now() - started) / 1000);
    const {
      model,
      queueMs,
      firstTokenMs,
      tokensPerSecond = 0,
      promptTokens = 0,
      completionTokens = 0,
      cachedTokens = 0,
      draftedTokens = 0,
      acceptedTokens = 0,
      forcedTokens = 0,
      images = 0,
      cachedImages = 0,
      nearImages = 0,
    } = stats;
    if (model === undefined) return;
    if (queueMs !== undefined) this.#queue.observe({ model }, queueMs / 1000);
    if (firstTokenMs !== undefined) this.#firstToken.observe({ model }, firstTokenMs / 1000);
    if (tokensPerSecond > 0) this.#perToken.observe({ model }, 1 / tokensPerSecond);
    this.#prompt.inc({ model }, promptTokens);
    this.#prefixQueries.inc({ model }, promptTokens);
    this.#prefixHits.inc({ model }, cachedTokens);
    this.#completion.inc({ model }, completionTokens);
    this.#drafted.inc({ model }, draftedTokens);
    this.#accepted.inc({ model }, acceptedTokens);
    this.#forced.inc({ model }, forcedTokens);
    this.#images.inc({ model, cached: "true" }, cachedImages - nearImages);
    this.#images.inc({ model, cached: "near" }, nearImages);
    this.#images.inc({ model, cached: "false" }, images - cachedImages);
  }

  /** A guard has looked. Categories are those of the policy and its lists: their number is bounded. */
  noteCheck({ guard, verdict, ms }: Check): void {
    const category = verdict.failed === undefined ? (worstOf(verdict)?.category ?? "none") : "failed";
    this.#checks.inc({ guard: guard.name, stage: guard.stage, category, verdict: verdict.verdict });
    this.#checkSeconds.observe({ guard: guard.name }, ms / 1000);
  }

  /** A decision was posted, or was to be. */
  noteDelivery(outcome: DeliveryOutcome): void {
    this.#webhook.inc({ outcome });
  }

  #modelGauges(models: ModelCatalog): void {
    const readings = {
      num_requests_running: ["Answers being generated.", ({ running }: Reading) => running],
      num_requests_waiting: ["Requests waiting for a slot.", ({ waiting }: Reading) => waiting],
      num_slots: ["Answers that can be generated at once.", ({ slots }: Reading) => slots],
      kv_cache_usage: [
        "Tokens in the KV cache, as a share of slots × context.",
        ({ cacheUsage }: Reading) => cacheUsage,
      ],
      kv_cache_bytes: ["Keys and values of running answers.", ({ cacheBytes }: Reading) => cacheBytes],
      prefix_cache_bytes: ["Keys and values of cached prefixes.", ({ prefixCacheBytes }: Reading) => prefixCacheBytes],
      near_duplicate_cache_bytes: [
        "Fingerprints of images, for near-duplicate matching.",
        ({ nearDuplicateBytes }: Reading) => nearDuplicateBytes,
      ],
      encoder_cache_bytes: ["Encoded images in memory.", ({ encoderCacheBytes }: Reading) => encoderCacheBytes],
      encoder_cache_pinned_bytes: ["Encoded images of pinned files.", ({ features }: Reading) => features?.pinnedBytes],
      encoder_cache_disk_bytes: ["Encoded images on disk.", ({ features }: Reading) => features?.diskBytes],
      encoder_cache_damaged_records: [
        "Records on disk that were damaged or in another's place, since the start.",
        ({ features }: Reading) => features?.damagedRecords,
      ],
      engine_images_sent: [
        "Images sent to an engine elsewhere with their pixels, since the model was opened.",
        ({ imageTraffic }: Reading) => imageTraffic?.imagesSent,
      ],
      engine_image_bytes_sent: ["Their characters.", ({ imageTraffic }: Reading) => imageTraffic?.imageBytesSent],
      engine_images_named: [
        "Images that an engine elsewhere had, and was sent the names of.",
        ({ imageTraffic }: Reading) => imageTraffic?.imagesNamed,
      ],
      engine_image_bytes_saved: [
        "What these would have taken.",
        ({ imageTraffic }: Reading) => imageTraffic?.imageBytesSaved,
      ],
      engine_images_forgotten: [
        "Requests that were sent again, since an engine elsewhere had forgotten an image.",
        ({ imageTraffic }: Reading) => imageTraffic?.imagesForgotten,
      ],
    } as const;
    for (const [name, [help, read]] of Object.entries(readings)) {
      const gauge = new Gauge({
        ...this.#naming(name, help, ["model"]),
        collect: () => {
          gauge.reset(); // versions come and go
          for (const served of models.all()) {
            if (served.kind !== "chat") continue;
            const value = read({ ...served.model.stats, waiting: waitingFor(served) });
            if (value !== undefined) gauge.set({ model: served.id }, value); // an engine elsewhere has its own metrics
          }
        },
      });
    }
  }

  #gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ ...this.#naming(name, help, []), collect: () => gauge.set(read()) });
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter(this.#naming(name, help, labelNames));
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L> {
    return new Histogram({ ...this.#naming(name, help, labelNames), buckets: seconds });
  }

  #naming<L extends string>(name: string, help: string, labelNames: readonly L[]) {
    return { name: `ocellus_${name}`, help, labelNames: [...labelNames], registers: [this.registry] };
  }
}

type Reading = ModelStats;
