/** The models of a backends file in a server: engines elsewhere behind one gateway, probed, counted and told about. */
import { OcellusError } from "../../../core/base/index.js";
import {
  defaultMaxLength,
  defaultMaxPixels,
  EngineClient,
  type EngineDescription,
  type EngineEvent,
  type EngineRequest,
  lengthIn,
  PinnedEngine,
  RemoteModel,
  type RemoteParts,
} from "../../../engines/index.js";
import {
  type BackendConfig,
  Gateway,
  GatewayMetrics,
  type GatewayOptions,
  type OpenedEngine,
  type Timeouts,
} from "../../../gateway/index.js";
import type { ModelPool, Services } from "../../../server/index.js";
import type { ServeConfig } from "./settings.js";

export type EngineGateway = Gateway<EngineRequest, EngineEvent, EngineDescription>;
type Options = GatewayOptions<EngineRequest, EngineEvent, EngineDescription>;

/** @returns undefined when the server was given no backends @throws as `Gateway.open` */
export async function openGateway(
  { backends: path }: Pick<ServeConfig, "backends">,
  services: Services,
  pool: ModelPool,
  parts: Pick<RemoteParts, "decode" | "limits">,
): Promise<EngineGateway | undefined> {
  if (path === undefined) return undefined;
  const { log, metrics } = services;
  let gateway: EngineGateway | undefined;
  const counted = new GatewayMetrics(metrics.registry, () => gateway?.states ?? []);
  gateway = await Gateway.open(path, {
    open: openEngine,
    model: modelOf(parts),
    listener: {
      onEnd: (...end) => counted.onEnd(...end),
      onHedge: (model) => counted.onHedge(model),
      onRetry: (model, backend, err) => {
        counted.onRetry(model, backend);
        log.warn({ model, backend, err }, "a request goes to another backend");
      },
    },
    onProblem: (problem) => log.error(problem),
    onState: (model, { name, state, reason }) =>
      log[state === "up" ? "info" : "warn"]({ model, backend: name, state, reason }, `a backend is ${state}`),
  });
  pool.use(gateway);
  services.backends = gateway;
  return gateway;
}

/** By what all its engines have room for. */
export function modelOf(parts: Pick<RemoteParts, "decode" | "limits">): Options["model"] {
  return (_, engine, abouts) => {
    const maxLength = Math.min(...abouts.map((about) => about.maxLength));
    return new RemoteModel({ ...parts, engine, description: { ...abouts[0]!, maxLength } });
  };
}

export const openEngine: Options["open"] = (config, timeouts, signal) => Engine.open(config, timeouts, signal);

/**
 * An engine that may be started again, also as another version of itself, and not with another model: what it was opened with is
 * what its clients were promised.
 */
class Engine implements OpenedEngine<EngineRequest, EngineEvent, EngineDescription> {
  readonly about: EngineDescription;
  readonly #client: EngineClient;
  #pinned: PinnedEngine;

  static async open(config: BackendConfig, limits: Timeouts, signal: AbortSignal): Promise<Engine> {
    const { name, url, kind, model, apiKeyEnv, maxConcurrent } = config;
    const key = apiKeyEnv === undefined ? {} : { apiKeyEnv };
    const client = new EngineClient({ name, url, kind, model, limits, maxConnections: maxConcurrent + spare, ...key });
    try {
      return new Engine(client, maxConcurrent, await client.reported(signal));
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  private constructor(client: EngineClient, maxSequences: number, facts: Facts) {
    const { kind, url, model } = client;
    this.#client = client;
    this.#pinned = new PinnedEngine(client, facts);
    this.about = {
      schemaVersion: 1,
      kind,
      url,
      model,
      maxSequences,
      maxPixels: defaultMaxPixels,
      maxLength: lengthIn(facts) ?? defaultMaxLength,
      reported: ofModel(kind, facts),
      can: { images: true, tools: true, schema: true, logprobs: true }, // what it cannot do it refuses itself
    };
  }

  get imageTraffic(): PinnedEngine["imageTraffic"] {
    return this.#client.imageTraffic;
  }

  chat(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    return this.#pinned.chat(request, signal);
  }

  async probe(signal: AbortSignal): Promise<void> {
    await this.#client.checkHealth(signal);
    try {
      await this.#pinned.confirm(signal);
    } catch (error) {
      if (!(error instanceof OcellusError) || error.details.fault !== "identity") throw error;
      const facts = await this.#client.reported(signal);
      const isSameModel = textOf(ofModel(this.about.kind, facts)) === textOf(this.about.reported);
      if (!isSameModel) throw error;
      this.#pinned = new PinnedEngine(this.#client, facts);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

type Facts = EngineDescription["reported"];

/** Beside answers, an engine is asked how it is. */
const spare = 8;

/** Without the version of the engine, which may be upgraded; what an Ocellus server calls its version is its model's. */
function ofModel(kind: EngineDescription["kind"], { version, build_info, ...facts }: Facts): Facts {
  return kind === "ocellus" && version !== undefined ? { ...facts, version } : facts;
}

function textOf(facts: Facts): string {
  return JSON.stringify(Object.entries(facts).sort());
}
