/** What the routes share: one of each for a whole server. */
import type { Logger } from "pino";
import type { ServerConfig } from "./config.js";
import type { Lifecycle } from "./lifecycle.js";
import type { ModelShelf } from "./models.js";

export interface Services {
  readonly config: ServerConfig;
  readonly models: ModelShelf;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  readonly version: string;
  /** The built web page; absent: none is served. */
  readonly webFolder?: string | undefined;
}
