/** The server's metrics, read every second, as the figures of the monitor. What is per second comes from two readings. */
import { useEffect, useState } from "react";
import { type Metric, readMetrics } from "./api.js";

export interface Reading {
  readonly timeMs: number;
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
  readonly requests: number;
  readonly refused: number;
  readonly completionTokens: number;
  readonly pictures: number;
  readonly knownPictures: number;
  readonly firstTokenMs: number | undefined;
  readonly processBytes: number;
  readonly keyBytes: number;
  readonly encoderCacheBytes: number;
  readonly fileBytes: number;
}

const everyMs = 1000;
/** Two minutes of a line. */
const maxReadings = 120;

/** The oldest first; nothing where the server has no metrics. */
export function useReadings(): readonly Reading[] | "missing" {
  const [readings, set] = useState<readonly Reading[] | "missing">([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    const read = async () => {
      const metrics = await readMetrics().catch(() => undefined);
      if (isOver) return;
      set((old) =>
        metrics
          ? [...(old === "missing" ? [] : old), reading(metrics)].slice(-maxReadings)
          : old.length
            ? old
            : "missing",
      );
      timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  return readings;
}

type Labels = Readonly<Record<string, string>>;

function reading(metrics: readonly Metric[]): Reading {
  const named = new Map(metrics.map((metric) => [metric.name, metric.values]));
  const sum = (name: string, wanted: (labels: Labels) => boolean = () => true) =>
    (named.get(name) ?? []).reduce((total, { value, labels }) => (wanted(labels) ? total + value : total), 0);
  return {
    timeMs: performance.now(),
    running: sum("ocellus_num_requests_running"),
    waiting: sum("ocellus_num_requests_waiting"),
    slots: sum("ocellus_num_slots"),
    requests: sum("ocellus_requests_total", isQuestion),
    refused: sum("ocellus_requests_total", (labels) => isQuestion(labels) && Number(labels.status) >= 400),
    completionTokens: sum("ocellus_completion_tokens_total"),
    pictures: sum("ocellus_images_total"),
    knownPictures: sum("ocellus_images_total", ({ cached }) => cached === "true"),
    firstTokenMs: median(named.get("ocellus_time_to_first_token_seconds") ?? []),
    processBytes: sum("process_resident_memory_bytes"),
    keyBytes: sum("ocellus_kv_cache_bytes"),
    encoderCacheBytes: sum("ocellus_encoder_cache_bytes"),
    fileBytes: sum("ocellus_files_bytes"),
  };
}

/** This page asks for models, health and metrics itself; those would drown the rest. */
function isQuestion({ route = "" }: Labels): boolean {
  return /^\/v1\/(chat|completions|responses|embeddings)/.test(route);
}

/** Of a Prometheus histogram: the upper bound of the bucket in which the middle lies, in milliseconds. */
function median(values: Metric["values"]): number | undefined {
  const buckets = new Map<string, number>();
  for (const { labels, value, metricName } of values)
    if (metricName?.endsWith("_bucket")) buckets.set(String(labels.le), (buckets.get(String(labels.le)) ?? 0) + value);
  const total = buckets.get("+Inf") ?? 0;
  if (total === 0) return undefined;
  const found = [...buckets].find(([, count]) => count >= total / 2);
  return found && found[0] !== "+Inf" ? Number(found[0]) * 1000 : undefined;
}

/** Tokens a second over the last `windowMs` of the readings. */
export function tokensPerSecond(readings: readonly Reading[], windowMs = 30_000): number {
  const last = readings.at(-1);
  const first = readings.find(({ timeMs }) => last && last.timeMs - timeMs <= windowMs);
  if (!last || !first || last === first) return 0;
  return ((last.completionTokens - first.completionTokens) * 1000) / (last.timeMs - first.timeMs);
}
