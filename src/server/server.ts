/** A server as one object: models in, a function from Request to Response out, which can be put on a port. */
import { pino } from "pino";
import { parseValue } from "../protocol/index.js";
import { createApp } from "./app.js";
import { type ServerConfig, serverConfigSchema } from "./config.js";
import { type Listening, listen } from "./listen.js";
import { createServices, type ServerOptions, type Services } from "./services.js";

export interface CreateServerOptions extends Partial<Omit<ServerOptions, "models" | "config">> {
  /** Models that are loaded, versions of a registry, or a provider of your own. They stay yours to close. */
  readonly models: ServerOptions["models"];
  readonly config?: Partial<ServerConfig>;
}

export interface Server {
  /** As the global `fetch`, without a port: a path will do. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  readonly services: Services;
  /** Answers on the config's host and port. @throws `io` when the port is taken or not allowed. */
  listen(): Promise<Listening>;
  /** Takes no new requests; resolves when the running ones have been answered, or were ended after the config's `drainMs`. */
  close(): Promise<void>;
}

/** @throws `invalid_request` for a config that names an unknown or impossible setting. */
export function createServer({ config = {}, ...options }: CreateServerOptions): Server {
  const services = createServices({
    log: pino({ level: "silent" }),
    version: "0",
    ...options,
    config: parseValue(serverConfigSchema, config, "config"),
  });
  services.models.open();
  const app = createApp(services);
  let listening: Listening | undefined;
  return {
    services,
    async fetch(input, init) {
      const request = new Request(input instanceof Request ? input : new URL(input, "http://localhost"), init);
      if (!request.headers.has("host")) request.headers.set("host", new URL(request.url).host);
      return app.fetch(request);
    },
    async listen() {
      listening = await listen(app, services.config);
      return listening;
    },
    async close() {
      await services.lifecycle.drain(services.config.drainMs);
      await listening?.close();
      await services.collections?.close();
      await services.ocr.close();
      await services.examinations.close();
    },
  };
}
