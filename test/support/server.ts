/** A real server on a free port, with the model in the box or a scripted one, for the time of a test file. */
import { join } from "node:path";
import OpenAI from "openai";
import { pino } from "pino";
import { loadModel } from "../../src/core/runtime/index.js";
import {
  type ChatModel,
  createApp,
  createServices,
  type Listening,
  listen,
  type ServerConfig,
  type ServerOptions,
  type Services,
  serverConfigSchema,
} from "../../src/server/index.js";
import { repository } from "./folders.js";

export interface TestServer {
  readonly services: Services;
  readonly url: string;
  readonly client: OpenAI;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** Opens the model in the box, or another like it; the cache must be a folder of the test's own. */
export function loadTiny(
  options: Parameters<typeof loadModel>[1] = {},
  path = join(repository, "checkpoints/ocellus-tiny"),
) {
  return loadModel(path, { weights: "fp32", threads: 1, ...options });
}

/** `open: false` leaves it as it is while models load. */
export async function startServer(
  models: Readonly<Record<string, ChatModel>>,
  config: Partial<ServerConfig> = {},
  options: Partial<ServerOptions> = {},
  { open = true } = {},
): Promise<TestServer> {
  const services = createServices({
    config: serverConfigSchema.parse({ port: 0, ...config }),
    log: pino({ level: "silent" }),
    version: "test",
    ...options,
  });
  for (const [id, model] of Object.entries(models)) services.models.add(id, model);
  if (open) services.models.open();
  const listening: Listening = await listen(createApp(services), services.config);
  const { url } = listening;
  return {
    services,
    url,
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
