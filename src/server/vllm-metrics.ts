/**
 * The load of this server under vLLM's names, for routers that know those (`--metrics-names vllm`): the endpoint picker of an
 * InferencePool takes the pod as it is. Names and meaning are those of llm-d-router's plugin-metric-protocol.md. A picker
 * reads one sample of a name and cannot add several up, so all models that answer are one series: queues and running answers
 * as sums, the fullest KV cache, and the label of the first.
 */
import { Gauge, type Registry } from "prom-client";
import type { ModelCatalog } from "./model-catalog.js";
import type { ServedModel } from "./served.js";

/** Tokens of a block: vLLM's default. A slot here is not divided; the picker multiplies the two labels. */
const blockSize = 16;

/** By name: what it says of models that answer, which are some. */
const loads: Readonly<
  Record<string, { readonly help: string; readonly read: (models: readonly ServedModel[]) => number }>
> = {
  num_requests_waiting: { help: "Requests that wait for a slot.", read: (models) => sum(models, waitingFor) },
  num_requests_running: {
    help: "Answers being generated.",
    read: (models) => sum(models, ({ model }) => model.stats.running),
  },
  kv_cache_usage_perc: {
    help: "Share of the KV cache in use: 1 is all of it.",
    read: (models) => Math.max(...models.map(({ model }) => model.stats.cacheUsage ?? 0)),
  },
};

/** Requests at the door of a model and in its engine. */
export function waitingFor({ gate, model }: ServedModel): number {
  return gate.stats.waiting + model.stats.waiting;
}

export function addVllmNames(registry: Registry, catalog: ModelCatalog): void {
  for (const [name, { help, read }] of Object.entries(loads))
    addGauge(registry, { name, help }, ["model_name", "engine"], () => {
      const models = answering(catalog);
      return models[0] && { labels: labelsOf(models[0]), value: read(models) };
    });
  const labels = ["model_name", "engine", "block_size", "num_gpu_blocks"];
  addGauge(registry, { name: "cache_config_info", help: "Size of the KV cache, as labels." }, labels, () => {
    const models = answering(catalog).filter(({ model }) => model.stats.cacheUsage !== undefined); // not engines elsewhere
    const tokens = sum(models, ({ model: { info } }) => info.maxLength * info.maxSequences);
    const size = { block_size: String(blockSize), num_gpu_blocks: String(Math.floor(tokens / blockSize)) };
    return models[0] && { labels: { ...labelsOf(models[0]), ...size }, value: 1 };
  });
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @param read the only sample, at each scrape; none while no model is there, which a picker takes for a pod that is not ready */
function addGauge(
  registry: Registry,
  { name, help }: { readonly name: string; readonly help: string },
  labelNames: string[],
  read: () => Sample | undefined,
): void {
  const gauge = new Gauge({
    ...{ name: `vllm:${name}`, help, labelNames, registers: [registry] },
    collect: () => {
      gauge.reset(); // models come and go
      const sample = read();
      if (sample) gauge.set(sample.labels, sample.value);
    },
  });
}

function answering(catalog: ModelCatalog): ServedModel[] {
  return catalog.all().filter((served) => served.kind === "chat");
}

function labelsOf({ id }: ServedModel) {
  return { model_name: id, engine: "0" };
}

function sum(models: readonly ServedModel[], read: (served: ServedModel) => number): number {
  return models.reduce((total, served) => total + read(served), 0);
}
