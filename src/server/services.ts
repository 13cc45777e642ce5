/** What the routes share: one of each for a whole server. */
import type { Logger } from "pino";
import { OcellusError, Semaphore } from "../core/base/index.js";
import type { DecodeImage, Middleware } from "../core/runtime/index.js";
import { Guards } from "../guardrails/index.js";
import { Collections } from "../retrieval/index.js";
import { AdmissionQueue } from "./admission-queue.js";
import type { BackendStates } from "./backends.js";
import type { BrowserModels } from "./browser-models.js";
import { ByteBudget } from "./byte-budget.js";
import type { ServerConfig } from "./config.js";
import { Examinations } from "./examinations.js";
import { FileStore } from "./files.js";
import type { KeyRing } from "./keys.js";
import { Lifecycle } from "./lifecycle.js";
import { Metrics } from "./metrics.js";
import { ModelCatalog } from "./model-catalog.js";
import type { ModelProvider } from "./model-provider.js";
import { Ocr } from "./ocr.js";
import { LocalRateLimits, type RateLimits } from "./rate-limit.js";
import { RequestListeners, requestLog } from "./request-events.js";
import { VersionListener, type Versions } from "./versions/version-listener.js";

export interface ServerOptions {
  readonly models: ModelProvider;
  /** Between the guardrails and each model that answers. */
  readonly middleware?: readonly Middleware[] | undefined;
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly version: string;
  /** Absent: no key is needed. */
  readonly keys?: KeyRing | undefined;
  /** Absent: /admin is closed, or with `insecureLocalAdmin` for this machine alone. */
  readonly adminKeys?: KeyRing | undefined;
  /** Requests a minute of each key. Default: counted by this server alone. */
  readonly rates?: RateLimits | undefined;
  /** Where pictures are decoded that no model is asked about. Default: on the server's own thread. */
  readonly decode?: DecodeImage | undefined;
  /** Absent: the doors to the models stand open. */
  readonly guards?: Guards | undefined;
  /** The built web page; absent: none is served. */
  readonly webFolder?: string | undefined;
  /** Models that pages may run themselves; absent: none. */
  readonly browserModels?: BrowserModels | undefined;
}

export interface Services extends Omit<ServerOptions, "models" | "middleware"> {
  readonly guards: Guards;
  readonly rates: RateLimits;
  readonly models: ModelCatalog;
  readonly files: FileStore;
  readonly budget: ByteBudget;
  /** Bytes of pictures between their file and their features: requests wait for each other. */
  readonly pixels: Semaphore;
  /** Documents that are read at once, each in a thread of its own. */
  readonly documents: AdmissionQueue;
  /** Answers that are read once more to say where they looked, one at a time: the decoder's weights are open twice then. */
  readonly attention: AdmissionQueue;
  /** Reads the text of pages that have none of their own. */
  readonly ocr: Ocr;
  /** Of models and versions: every value, read when somebody says so. */
  readonly examinations: Examinations;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  /** Absent: none are kept. */
  readonly collections: Collections | undefined;
  /** Models from a registry; absent: only those that the server was started with. */
  versions?: Versions;
  /** Engines elsewhere; absent: no model of this server has any. */
  backends?: BackendStates;
  /** Follow every request. */
  readonly listeners: RequestListeners;
}

/** A document holds its file twice, and what is drawn of one page. */
const documentsAtOnce = 2;
/** What reading an answer once more takes, until the first has ended. */
const attentionMs = 10_000;

export function createServices({ models: provider, middleware, ...options }: ServerOptions): Services {
  const { config, guards = Guards.none(), rates = new LocalRateLimits() } = options;
  const videos = videoLimits(config);
  const models = new ModelCatalog(provider, { guards, middleware, maxQueue: config.maxQueue, videos });
  const files = new FileStore(config.maxFilesBytes);
  const budget = new ByteBudget({ maxBytes: config.maxBodiesBytes, bytesOfOne: config.maxBodyBytes });
  const pixels = new Semaphore(config.maxPixelBytes);
  const bytes = { filesBytes: () => files.bytes, requestBytes: () => budget.bytes };
  const reading = {
    documents: new AdmissionQueue({ maxRunning: () => documentsAtOnce, maxQueue: config.maxQueue }),
    attention: new AdmissionQueue({ maxRunning: () => 1, maxQueue: config.maxQueue, answerMs: attentionMs }),
    ocr: new Ocr(),
    examinations: new Examinations((cause) =>
      options.log.warn({ err: cause }, "the values of a model could not be read"),
    ),
  };
  const metrics = new Metrics({ models, pixels, rates, ...bytes, names: config.metricsNames });
  const collections = config.collections === undefined ? undefined : new Collections(config.collections);
  const [listeners, lifecycle] = [new RequestListeners(metrics, requestLog), new Lifecycle()];
  guards.listen((check) => metrics.noteCheck(check));
  const kept = { models, files, budget, pixels, metrics, listeners, lifecycle, collections };
  return { ...options, guards, rates, ...kept, ...reading };
}

/** Within a message, which has names and words too, and base64, which takes four bytes for three. */
function videoLimits({ maxVideos, maxVideoBytes, maxVideoSeconds, maxBodyBytes }: ServerConfig) {
  const carried = Math.max(0, Math.floor(((maxBodyBytes - 2 ** 16) * 3) / 4));
  return { max: maxVideos, max_bytes: Math.min(maxVideoBytes, carried), max_seconds: maxVideoSeconds };
}

/** Versions of a registry, which its models come from: they follow the requests, and /admin/v1 is there for them. */
export function useVersions(services: Services, versions: Versions): void {
  services.versions = versions;
  services.listeners.add(new VersionListener(versions, services.metrics.versions));
}

/** @throws `unsupported` when this server keeps none. */
export function collectionsOf({ collections }: Services): Collections {
  if (collections) return collections;
  throw new OcellusError("unsupported", "this server keeps no collections; start it with --collections FOLDER", {
    details: { param: "collection" },
  });
}

/** @throws `not_found` where no versions are kept, `unavailable` while that is not known yet. */
export function versionsOf({ versions, models }: Services): Versions {
  if (versions) return versions;
  if (!models.isReady)
    throw new OcellusError("unavailable", "the server is loading; ask /health/ready when it is done");
  throw new OcellusError("not_found", "this server has no versions; start it with `ocellus serve --registry FOLDER`");
}
