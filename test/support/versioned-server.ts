/** A server whose models come from a registry; each answers every question with its own tag. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pino } from "pino";
import type { ChatOptions, LanguageModel } from "../../src/core/runtime/index.js";
import { Guards } from "../../src/guardrails/index.js";
import { deploy, Registry } from "../../src/rollout/index.js";
import {
  Deployments,
  MemoryBudget,
  ModelCatalog,
  Rollouts,
  Shadows,
  useVersions,
  VersionDiffs,
  VersionFigures,
  type Versions,
} from "../../src/server/index.js";
import { scriptedModel } from "./scripted-model.js";
import { startServer, type TestServer } from "./server.js";

export interface Behaviour {
  readonly loadMs?: number;
  readonly answerMs?: number;
  readonly fails?: (n: number) => boolean;
  /** Default: its tag. */
  readonly says?: string;
  /** Told how each answer was asked for. */
  readonly onAsk?: (options: ChatOptions) => void;
  /** Another model altogether. */
  readonly open?: () => Promise<LanguageModel>;
  /** What it takes of `memoryBytes`. */
  readonly bytes?: number;
  readonly loadFails?: boolean;
  /** What is published; else some bytes of its own. */
  readonly folder?: string;
}

/** Answers every question with its own tag. */
function echo(
  tag: string,
  { answerMs = 0, fails = () => false, says = tag, onAsk }: Behaviour,
  closed: string[],
): LanguageModel {
  let n = 0;
  let isClosed = false;
  return {
    ...scriptedModel(8),
    async *generate({ options }) {
      const { signal } = options;
      onAsk?.(options);
      if (fails(n++)) throw new Error("broken weights");
      await new Promise((resolve) => setTimeout(resolve, answerMs));
      if (isClosed) throw new Error(`${tag} was closed under a running answer`);
      signal?.throwIfAborted();
      yield { type: "text", text: says, tokens: [] };
      yield {
        type: "end",
        finishReason: "stop",
        usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 1 },
        timings: { visionMs: 0, imagesCached: 0, firstTokenMs: 1, totalMs: 1, tokensPerSecond: 100 },
        images: [],
      };
    },
    close: async () => {
      isClosed = true;
      closed.push(tag);
    },
  };
}

export interface VersionedServer {
  readonly server: TestServer;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly shadows: Shadows;
  readonly rollouts: Rollouts;
  readonly closed: readonly string[];
  /** Tags, each time that one was opened. */
  readonly loads: readonly string[];
  ask(
    headers?: Record<string, string>,
    body?: object,
  ): Promise<{ status: number; said: string; version: string | null }>;
  close(): Promise<void>;
}

export interface FleetSettings {
  readonly keepWarmMs?: number;
  /** Of all versions; default: no limit. */
  readonly memoryBytes?: number;
  readonly maxQueue?: number;
  readonly drainMs?: number;
  readonly guards?: Guards;
}

export interface VersionedOptions extends FleetSettings {
  readonly config?: Parameters<typeof startServer>[1];
  readonly options?: Parameters<typeof startServer>[2];
}

export interface OpenVersions {
  readonly versions: Versions;
  /** What stands before them, without a server. */
  readonly models: ModelCatalog;
  /** In the order in which they went. */
  readonly closed: readonly string[];
  /** Tags, each time that one was opened. */
  readonly loads: readonly string[];
  close(): Promise<void>;
}

/** `prod` serves the first. */
export async function openVersions(
  behaviours: Record<string, Behaviour>,
  {
    keepWarmMs = 60_000,
    memoryBytes = Number.POSITIVE_INFINITY,
    maxQueue = 256,
    drainMs = 30_000,
    guards = Guards.none(),
  }: FleetSettings = {},
): Promise<OpenVersions> {
  const folder = await mkdtemp(join(tmpdir(), "ocellus-versions-"));
  const registry = await Registry.open({
    folder: join(folder, "registry"),
    onPendingRollback: () => {},
    admit: (written) => guards.checkUncut(written),
  });
  for (const tag of Object.keys(behaviours)) {
    const source = behaviours[tag]!.folder ?? (await mkdtemp(join(folder, "model-")));
    if (behaviours[tag]!.folder === undefined) await writeFile(join(source, "weights.bin"), tag);
    await registry.publish(source, { tag, family: "scripted", quantization: "fp32", createdBy: "test" });
  }
  await registry.run("test", deploy("prod", Object.keys(behaviours)[0]!));
  const closed: string[] = [];
  const loads: string[] = [];
  const log = pino({ level: "silent" });
  const load = async (tag: string) => {
    loads.push(tag);
    await new Promise((resolve) => setTimeout(resolve, behaviours[tag]!.loadMs ?? 0));
    if (behaviours[tag]!.loadFails) throw new Error("broken weights");
    return behaviours[tag]!.open?.() ?? echo(tag, behaviours[tag]!, closed);
  };
  const memoryBudget = new MemoryBudget({
    estimate: async (path) => behaviours[basename(path)]?.bytes ?? 0,
    alternatives: async () => [{ format: "int4", bytes: 1 }],
    budgetBytes: memoryBytes,
  });
  const deployments = new Deployments({ registry, log, maxQueue, drainMs, keepWarmMs, load, memoryBudget });
  await deployments.start();
  const figures = new VersionFigures();
  const diffs = new VersionDiffs(registry);
  const rollouts = new Rollouts({ registry, log, onPair: (...pair) => figures.notePair(...pair) });
  return {
    versions: { registry, deployments, rollouts, figures, diffs },
    models: new ModelCatalog(deployments, { guards, maxQueue }),
    closed,
    loads,
    async close() {
      await diffs.close();
      await rollouts.close();
      await deployments.close();
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function startVersionedServer(
  behaviours: Record<string, Behaviour>,
  { config = {}, options = {}, ...settings }: VersionedOptions = {},
): Promise<VersionedServer> {
  const { versions, closed, loads, close } = await openVersions(behaviours, settings);
  const { registry, deployments, rollouts } = versions;
  const allowed = { insecureLocalAdmin: options.adminKeys === undefined, ...config };
  const server = await startServer({}, allowed, { guards: settings.guards, ...options });
  const { models, pixels, lifecycle, metrics, log } = server.services;
  const shadows = new Shadows({
    ...{ ...versions, pixels, log, draining: lifecycle.draining, meters: metrics.registry },
    ...{ models, limits: server.services.config },
  });
  versions.shadows = shadows;
  useVersions(server.services, versions);
  server.pool.use(deployments);
  return {
    ...{ server, registry, deployments, rollouts, shadows, closed, loads },
    async ask(headers = {}, body = {}) {
      const question = { model: "prod", messages: [{ role: "user", content: "?" }], ...body };
      const response = await server.post("/v1/chat/completions", question, headers);
      const answer = (await response.json()) as Spoken;
      const said = answer.choices?.[0]?.message.content ?? answer.error?.message ?? "";
      return { status: response.status, said, version: response.headers.get("x-ocellus-version") };
    },
    async close() {
      await server.close();
      await shadows.close();
      await close();
    },
  };
}

interface Spoken {
  readonly choices?: readonly { readonly message: { readonly content: string } }[];
  readonly error?: { readonly message: string };
}
