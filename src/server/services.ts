/** What the routes share: one of each for a whole server. */
import type { Logger } from "pino";
import { ByteBudget } from "./byte-budget.js";
import type { ServerConfig } from "./config.js";
import { FileStore } from "./files.js";
import { Lifecycle } from "./lifecycle.js";
import { ModelShelf } from "./models.js";

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly version: string;
  /** The built web page; absent: none is served. */
  readonly webFolder?: string | undefined;
}

export interface Services extends ServerOptions {
  readonly models: ModelShelf;
  readonly files: FileStore;
  readonly budget: ByteBudget;
  readonly lifecycle: Lifecycle;
}

export function createServices(options: ServerOptions): Services {
  const { config } = options;
  return {
    ...options,
    models: new ModelShelf(config),
    files: new FileStore(config.maxFilesBytes),
    budget: new ByteBudget(config.maxBodiesBytes),
    lifecycle: new Lifecycle(),
  };
}
