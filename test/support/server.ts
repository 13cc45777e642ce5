/** A real server on a free port, with the bundled demo model or a scripted one, for the time of a test file. */
import { join } from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { type LanguageModel, loadModel } from "../../src/core/runtime/index.js";
import {
  createApp,
  createServices,
  type Listening,
  listen,
  ModelPool,
  type ServerConfig,
  type ServerOptions,
  type Services,
  serverConfigSchema,
} from "../../src/server/index.js";
import type { Served } from "../../src/server/served.js";
import { repository } from "./folders.js";

export interface TestServer {
  readonly services: Services;
  readonly pool: ModelPool;
  readonly url: string;
  readonly client: OpenAI;
  /** The admission queue of a model, or of the first. */
  gate(id?: string): Served["gate"];
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** Opens the bundled demo model, or another like it; the cache must be a folder of the test's own. */
export function loadTiny(
  options: Parameters<typeof loadModel>[1] = {},
  path = join(repository, "checkpoints/ocellus-tiny"),
) {
  return loadModel(path, { weights: "fp32", threads: 1, ...options });
}

/** `open: false` leaves it as it is while models load. */
export async function startServer(
  models: Readonly<Record<string, LanguageModel>>,
  config: Partial<ServerConfig> = {},
  options: Partial<ServerOptions> = {},
  { open = true } = {},
): Promise<TestServer> {
  const pool = new ModelPool(models);
  const services = createServices({
    models: pool,
    config: serverConfigSchema.parse({ port: 0, ...config }),
    log: pino({ level: "silent" }),
    version: "test",
    ...options,
  });
  for (const [id, model] of Object.entries(models)) pool.add(id, model);
  if (open) services.models.open();
  const listening: Listening = await listen(createApp(services), services.config);
  const { url } = listening;
  return {
    services,
    pool,
    url,
    gate: (id) => services.models.all().find((served) => id === undefined || served.id === id)!.gate,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 }),
    post: (path, body, headers = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    async close() {
      await services.lifecycle.drain(1000);
      await listening.close();
    },
  };
}
