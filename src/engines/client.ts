/**
 * The client of one engine elsewhere that speaks OpenAI's protocol: answers as events, its models, its health and its load. It
 * decides nothing: no retries but of a stale connection, no choice between engines, no guardrails.
 */
import type { IncomingMessage } from "node:http";
import { nearestHint, OcellusError, readBoundedText } from "../core/base/index.js";
import type { ImageTraffic } from "../core/runtime/index.js";
import { answerEvents } from "./answer-stream.js";
import { BodyReader } from "./body-reader.js";
import type { EngineEvent } from "./chunk.js";
import { type EngineFacts, type EngineModel, factsIn, factsOf, modelsSchema } from "./facts.js";
import { type EngineStage, engineFailure, isBeforeFirstToken, isFailure, saidError } from "./failure.js";
import { type EngineLoad, readLoad } from "./gauges.js";
import { defaultLimits, EngineHttp, type StageLimits } from "./http.js";
import { type EngineKind, engineKinds, engineTraits } from "./kinds.js";
import { bodyOf, type EngineRequest } from "./request.js";
import { imagesOf, SentImages } from "./sent-images.js";
import { jsonOrNothing, statusFailure } from "./status.js";

export interface EngineClientOptions {
  /** `http://gpu:8000`, with or without `/v1`. */
  readonly url: string;
  readonly kind: EngineKind;
  /** As the engine names it. */
  readonly model: string;
  /** In logs, metrics and the details of errors. Default: the address's host. */
  readonly name?: string;
  /** The environment variable that holds its API key. Default: none is sent. */
  readonly apiKeyEnv?: string;
  readonly limits?: Partial<StageLimits>;
  /** Default 512. */
  readonly maxConnections?: number;
}

/** Of JSON that is no answer: lists of models, properties with a chat template, errors. */
const maxJsonBytes = 4 * 2 ** 20;
/** A page of metrics: vLLM's has some 100 KB. */
const maxMetricsBytes = 16 * 2 ** 20;
/** A million tokens with twenty alternatives each. */
const maxStreamBytes = 2 ** 31;
/** What is asked beside answers should take milliseconds. */
const askMs = 10_000;

export class EngineClient {
  readonly kind: EngineKind;
  readonly model: string;
  readonly name: string;
  readonly url: string;
  readonly #http: EngineHttp;
  readonly #limits: StageLimits;
  readonly #images = new SentImages();

  /** @throws `invalid_config` for an address that is none, or a key that the environment does not have */
  constructor(options: EngineClientOptions) {
    const url = checkedUrl(options.url);
    checkKind(options.kind);
    this.kind = options.kind;
    this.model = options.model;
    this.url = url.href.replace(/\/$/, "").replace(/\/v1$/, "");
    this.name = options.name ?? url.host;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#http = new EngineHttp({
      ...{ name: this.name, url: this.url, limits: this.#limits },
      maxConnections: options.maxConnections ?? 512,
      headers: keyHeader(options.apiKeyEnv),
    });
  }

  /** Connections that were opened so far: an engine that was started again has none of the old ones. */
  get numConnections(): number {
    return this.#http.numConnections;
  }

  /** Requests that have no whole answer yet. */
  get numOpen(): number {
    return this.#http.numOpen;
  }

  get imageTraffic(): Readonly<ImageTraffic> {
    return this.#images.traffic;
  }

  /**
   * The answer as it is written. Images that a vLLM engine has are left out, and sent after all where it has forgotten them.
   * Leaving the loop, or aborting the signal, ends it in the engine too.
   * @throws `invalid_request` (the engine's own words), `unsupported` (what its kind does not take), `too_large` (the prompt),
   * `overloaded`, `unavailable`, `timeout` (`details`: `engine`, `stage`, `fault`), `aborted`, `closed`
   */
  async *chat(request: EngineRequest, signal?: AbortSignal): AsyncGenerator<EngineEvent> {
    const images = this.#images;
    const whole = request;
    const { forgotten } = engineTraits[this.kind];
    let sent = forgotten ? images.withoutKnown(whole) : whole;
    let events = this.#answer(sent, whole, signal);
    let first: IteratorResult<EngineEvent>;
    try {
      first = await events.next();
    } catch (error) {
      if (sent === whole || !isBeforeFirstToken(error)) throw error;
      if (!forgotten!.includes(statusOf(error))) {
        if (statusOf(error) >= 500) images.drop(whole);
        throw error;
      }
      sent = whole;
      events = this.#answer(sent, whole, signal);
      first = await events.next();
      images.forget(whole); // only now: a request that is refused whole was at fault itself
    }
    images.accept(whole, sent);
    const named = imagesOf(sent).flatMap(({ image_url, uuid }) => (image_url || !uuid ? [] : [uuid]));
    try {
      for (let next = first; !next.done; next = await events.next())
        yield next.value.type === "end" && named.length > 0 ? { ...next.value, namedImages: named } : next.value;
    } finally {
      await events.return(undefined);
    }
  }

  async *#answer(
    sent: EngineRequest,
    whole: EngineRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EngineEvent> {
    const body = bodyOf(this.kind, this.model, sent);
    this.#images.note(whole, sent);
    const headers = headersOf(whole);
    const response = await this.#http.send({ method: "POST", path: "/v1/chat/completions", body, headers, signal });
    if (response.statusCode !== 200) throw await this.#refusal(response, signal);
    if (!isEvents(response)) throw await this.#notEvents(response, signal);
    const reader = new BodyReader(response, { engine: this.name, maxBytes: maxStreamBytes, signal });
    yield* answerEvents(reader, { engine: this.name, limits: this.#limits });
  }

  /** @throws `unavailable`, `timeout`, `aborted` */
  async models(signal?: AbortSignal): Promise<readonly EngineModel[]> {
    const parsed = modelsSchema.safeParse(await this.json("/v1/models", signal));
    if (parsed.success) return parsed.data.data;
    throw this.#failure("has no list of models at /v1/models", "headers", "malformed");
  }

  /** What it says of itself and of its model: equal facts, the same model. @throws `not_found` without it, and as `models` */
  async reported(signal?: AbortSignal): Promise<EngineFacts> {
    const models = await this.models(signal);
    const found = models.find(({ id }) => id === this.model);
    if (!found) throw this.#noModel(models);
    const facts = factsOf(found);
    for (const { path, members } of engineTraits[this.kind].reports) {
      const page = await unlessMissing(this.json(path, signal));
      Object.assign(facts, factsIn(page, members));
    }
    return facts;
  }

  /** Resolves when it can answer. @throws `unavailable`, `timeout`, `aborted` */
  async checkHealth(signal?: AbortSignal): Promise<void> {
    await this.#get(engineTraits[this.kind].health, maxJsonBytes, signal);
  }

  /** @returns undefined where its kind has no metrics, or they are off @throws `unavailable`, `timeout`, `aborted` */
  async load(signal?: AbortSignal): Promise<EngineLoad | undefined> {
    const { metrics } = engineTraits[this.kind];
    if (!metrics) return undefined;
    const text = await unlessMissing(this.#get("/metrics", maxMetricsBytes, signal));
    return text === undefined ? undefined : readLoad(text, metrics);
  }

  /** GET, as JSON. @throws as `models` */
  async json(path: string, signal?: AbortSignal): Promise<unknown> {
    const text = await this.#get(path, maxJsonBytes, signal);
    try {
      return JSON.parse(text);
    } catch {
      throw this.#failure(`answered ${path} with something else than JSON`, "headers", "malformed");
    }
  }

  /** Ends what is open. */
  close(): Promise<void> {
    return this.#http.close();
  }

  async #get(path: string, maxBytes: number, signal: AbortSignal | undefined): Promise<string> {
    const within = AbortSignal.any([AbortSignal.timeout(askMs), ...(signal ? [signal] : [])]);
    try {
      const response = await this.#http.send({ method: "GET", path, signal: within });
      const text = await this.#text(response, maxBytes, within);
      if (response.statusCode === 200) return text;
      throw statusFailure(this.name, response.statusCode ?? 0, text);
    } catch (error) {
      if (signal?.aborted || !within.aborted) throw error;
      const details = { limitMs: askMs, path };
      const problem = `does not answer ${path} within ${askMs / 1000} s`;
      throw engineFailure(problem, { engine: this.name, stage: "headers", fault: "timeout", details });
    }
  }

  async #text(response: IncomingMessage, maxBytes: number, signal: AbortSignal | undefined): Promise<string> {
    const reader = new BodyReader(response, { engine: this.name, maxBytes, signal });
    reader.stage = "headers";
    reader.allow(askMs);
    const pieces = async function* () {
      for (let piece = await reader.next(); piece; piece = await reader.next()) yield piece;
    };
    try {
      return await readBoundedText(pieces(), { what: "the answer", maxBytes });
    } finally {
      reader.close();
    }
  }

  async #refusal(response: IncomingMessage, signal: AbortSignal | undefined): Promise<OcellusError> {
    return statusFailure(this.name, response.statusCode ?? 0, await this.#text(response, maxJsonBytes, signal), {
      retryAfter: response.headers["retry-after"],
    });
  }

  async #notEvents(response: IncomingMessage, signal: AbortSignal | undefined): Promise<OcellusError> {
    const said = saidError(jsonOrNothing(await this.#text(response, maxJsonBytes, signal)));
    if (said) {
      const details = { said: said.message, status: 200 };
      const problem = "reported an error with the status 200";
      return engineFailure(problem, { engine: this.name, stage: "headers", fault: "engine", details });
    }
    return this.#failure("answered with no stream of events", "headers", "malformed");
  }

  #noModel(models: readonly EngineModel[]): OcellusError {
    const names = models.slice(0, 20).map(({ id }) => id);
    const hint = nearestHint(this.model, names);
    const message = `the engine has no model ${this.model}${hint}; it has ${names.join(", ") || "none"}`;
    return new OcellusError("not_found", message, { details: { engine: this.name, model: this.model, found: names } });
  }

  #failure(problem: string, stage: EngineStage, fault: "malformed"): OcellusError {
    return engineFailure(problem, { engine: this.name, stage, fault });
  }
}

/** For the engine's log, and for routers before it that send an image where it is known. */
function headersOf(request: EngineRequest): Record<string, string> {
  const names = [...new Set(imagesOf(request).flatMap(({ uuid }) => uuid ?? []))].slice(0, maxNames);
  return {
    ...(request.requestId !== undefined && { "x-request-id": request.requestId }),
    ...(names.length > 0 && { "x-ocellus-image": names.join(",") }),
  };
}

/** In a header: 16 names of 64 characters, within the 8 KiB that servers take. */
const maxNames = 16;

/** Of an answer that is none; 500 for an error within an answer; 0 for no answer, or a prompt that is too large with or without names. */
function statusOf(error: unknown): number {
  if (isFailure(error, "engine")) return 500;
  return isFailure(error, "status") && error.code !== "too_large" ? Number(error.details.status) : 0;
}

/** Undefined where the engine has no such page, or it is off. */
async function unlessMissing<T>(page: Promise<T>): Promise<T | undefined> {
  try {
    return await page;
  } catch (error) {
    if (isFailure(error, "status") && [404, 501].includes(error.details.status as number)) return undefined;
    throw error;
  }
}

function isEvents({ headers }: IncomingMessage): boolean {
  return headers["content-type"]?.startsWith("text/event-stream") === true;
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "" && url.hash === "";
  if (isPlain) return url;
  throw new OcellusError(
    "invalid_config",
    "an engine's address: expected http://host:port or https://host, without a password, a query or a fragment",
    { details: { field: "url" } },
  );
}

function checkKind(kind: EngineKind): void {
  if (engineKinds.includes(kind)) return;
  throw new OcellusError("invalid_config", `an engine's kind: expected ${engineKinds.join(", ")}, found ${kind}`, {
    details: { field: "kind", expected: engineKinds, found: kind },
  });
}

function keyHeader(variable: string | undefined): Record<string, string> {
  if (variable === undefined) return {};
  const key = process.env[variable]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(key)) return { authorization: `Bearer ${key}` };
  const found = key === "" ? "nothing" : "other characters";
  throw new OcellusError(
    "invalid_config",
    `an engine's API key: expected printable ASCII in ${variable}, found ${found}`,
    {
      details: { field: "apiKeyEnv", variable },
    },
  );
}
