/**
 * `--metrics-names vllm`, read as the endpoint picker of an InferencePool reads a pod: by vLLM's names without further
 * configuration, and of each name one sample, the last (llm-d-router's plugin-metric-protocol.md and its metrics extractor).
 */
import { expect, it, onTestFinished } from "vitest";
import { until } from "../src/core/base/until.testkit.js";
import type { ServerConfig } from "../src/server/index.js";
import { type ScriptedModel, scriptedModel } from "./support/scripted-model.js";
import { startServer } from "./support/server.js";

const models = () => ({ "shop:v1": scriptedModel(2), "shop:v2": scriptedModel(1) });
async function start(config: Partial<ServerConfig>, scripted: Readonly<Record<string, ScriptedModel>> = models()) {
  const server = await startServer(scripted, config);
  onTestFinished(() => server.close());
  return server;
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a picker takes of a page of metrics. */
function picked(text: string, name: string): Sample | undefined {
  const line = text.split("\n").findLast((row) => row.startsWith(`${name}{`));
  if (line === undefined) return undefined;
  const labels = Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]));
  return { labels, value: Number(line.slice(line.lastIndexOf(" "))) };
}
const scrape = async ({ url }: { url: string }) => (await fetch(`${url}/metrics`)).text();
const gauges = ["num_requests_waiting", "num_requests_running", "kv_cache_usage_perc", "cache_config_info"];

it("says in one sample each how busy a pod of several versions is", async () => {
  const scripted = models();
  const server = await start({ metricsNames: "vllm" }, scripted);
  Object.assign(scripted["shop:v1"].stats, { running: 2, waiting: 1, cacheUsage: 0.25 });
  Object.assign(scripted["shop:v2"].stats, { running: 1, waiting: 4, cacheUsage: 0.75 });
  const text = await scrape(server);
  const labels = { model_name: "shop:v1", engine: "0" };
  expect(picked(text, "vllm:num_requests_waiting")).toEqual({ labels, value: 5 });
  expect(picked(text, "vllm:num_requests_running")).toEqual({ labels, value: 3 });
  expect(picked(text, "vllm:kv_cache_usage_perc")).toEqual({ labels, value: 0.75 });
  for (const name of gauges) expect(text).toContain(`# TYPE vllm:${name} gauge\n`);
  const { block_size, num_gpu_blocks } = picked(text, "vllm:cache_config_info")!.labels;
  const tokens = scripted["shop:v1"].info.maxLength * 3; // of three slots
  expect([block_size, num_gpu_blocks]).toEqual(["16", String(Math.floor(tokens / 16))]);
  expect(text).toContain('ocellus_num_requests_waiting{model="shop:v2"} 4\n');
});

it("counts requests that wait at the door of the server", async () => {
  const scripted = { busy: scriptedModel(1) };
  const server = await start({ metricsNames: "vllm" }, scripted);
  const asked = Array.from({ length: 4 }, () =>
    server.post("/v1/chat/completions", { messages: [{ role: "user", content: "a" }] }),
  );
  await until(async () => {
    const { running, waiting } = server.gate(undefined).stats;
    expect(running + waiting).toBe(4);
    expect(picked(await scrape(server), "vllm:num_requests_waiting")?.value).toBe(waiting);
    expect(waiting).toBeGreaterThan(0);
  });
  for (const _ of asked) await scripted.busy.say();
  await Promise.all(asked);
});

it("has no sample while models load, and none of these names unless asked to", async () => {
  const empty = await scrape(await start({ metricsNames: "vllm" }, {}));
  for (const name of gauges) expect(picked(empty, `vllm:${name}`)).toBeUndefined();
  expect(await scrape(await start({}))).not.toContain("vllm:");
});
