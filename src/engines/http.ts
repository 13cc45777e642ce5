/**
 * One HTTP request to an engine, with a deadline for each stage of it and its connections kept open for the next. Node's own
 * `http` and `https`: they say when a connection stands and let an answer be ended at any byte, which the global fetch does not.
 * The address is the operator's own, and may be of a private network; redirects are not followed.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { aborted, Closing, OcellusError, throwIfAborted } from "../core/base/index.js";
import { type EngineStage, engineFailure, networkFailure } from "./failure.js";

/** Milliseconds that each stage may take. */
export interface StageLimits {
  /** Name, connection and TLS. */
  readonly connectMs: number;
  /** From there until the status: the request is sent, and read by the engine. llama-server answers with its first token. */
  readonly headersMs: number;
  /** From the status to the first token: the queue of the engine, images and the prompt. */
  readonly firstTokenMs: number;
  /** From one token to the next. */
  readonly betweenTokensMs: number;
}

/** A prompt of 100,000 tokens in a full queue takes minutes; a machine that does not answer in 5 s is not there. */
export const defaultLimits: StageLimits = {
  connectMs: 5_000,
  headersMs: 300_000,
  firstTokenMs: 300_000,
  betweenTokensMs: 60_000,
};

export interface HttpOptions {
  /** In errors and metrics. */
  readonly name: string;
  readonly url: string;
  readonly limits: StageLimits;
  /** Most connections at once; requests beyond wait for one as long as for a connection. */
  readonly maxConnections: number;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Outgoing {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** uvicorn, which most engines run on, closes idle connections after 5 s: ours go before it does. */
const idleMs = 4_000;
/** More interim answers (1xx) than any server has a use for. */
const maxInterim = 10;

export class EngineHttp {
  readonly #options: HttpOptions;
  readonly #agent: HttpAgent;
  readonly #closing: Closing;
  readonly #open = new Set<Sent>();
  #numConnections = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    const { url, maxConnections } = options;
    const pool = { keepAlive: true, maxSockets: maxConnections, timeout: idleMs, scheduling: "lifo" as const };
    this.#agent = url.startsWith("https:") ? new HttpsAgent(pool) : new HttpAgent(pool);
    this.#closing = new Closing("the connection to the engine");
  }

  /** Connections that were opened so far. */
  get numConnections(): number {
    return this.#numConnections;
  }

  /** Requests that have no whole answer yet. */
  get numOpen(): number {
    return this.#open.size;
  }

  /**
   * The answer's head, whatever its status; its body is to be read, or destroyed. A connection that the engine had closed while it
   * was idle costs a second try, of which the engine has seen nothing.
   * @throws `unavailable`, `timeout` (`details.stage`), `aborted`, `closed`
   */
  async send(outgoing: Outgoing): Promise<IncomingMessage> {
    this.#closing.check();
    throwIfAborted(outgoing.signal);
    const sent = new Sent(this.#options, this.#agent, outgoing);
    this.#open.add(sent);
    sent.request.once("close", () => this.#open.delete(sent));
    sent.request.once("socket", ({ connecting }) => {
      this.#numConnections += Number(connecting);
    });
    try {
      return await sent.response;
    } catch (error) {
      if (!sent.wasStale) throw error;
      return this.send(outgoing);
    }
  }

  /** Ends what is open. */
  close(): Promise<void> {
    return this.#closing.run(async () => {
      for (const sent of this.#open) sent.fail(this.#closing.error());
      this.#agent.destroy();
    });
  }
}

class Sent {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
  readonly #options: HttpOptions;
  #stage: EngineStage = "connect";
  #timer: NodeJS.Timeout | undefined;
  #failure: OcellusError | undefined;
  #numInterim = 0;
  /** The connection broke that an earlier request had left, before anything came. */
  wasStale = false;

  constructor(options: HttpOptions, agent: HttpAgent, { method, path, body, headers, signal }: Outgoing) {
    this.#options = options;
    const url = new URL(path.replace(/^\//, ""), `${options.url.replace(/\/$/, "")}/`);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const content =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const all = { accept: "*/*", "user-agent": "ocellus", ...content, ...options.headers, ...headers };
    this.request = send(url, { method, agent, headers: all });
    this.#wait(options.limits.connectMs);
    const abort = () => this.fail(aborted(signal));
    signal?.addEventListener("abort", abort, { once: true });
    this.request.once("close", () => {
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", abort);
    });
    this.response = new Promise((resolve, reject) => this.#listen(resolve, reject));
    this.request.end(body);
  }

  #listen(resolve: (response: IncomingMessage) => void, reject: (error: unknown) => void): void {
    const { request } = this;
    request.once("socket", (socket) => {
      if (!socket.connecting) return this.#connected();
      socket.once("encrypted" in socket ? "secureConnect" : "connect", () => this.#connected());
    });
    request.on("information", () => {
      if (++this.#numInterim > maxInterim) this.fail(this.#malformed("sends interim answers without end"));
    });
    request.once("upgrade", (_, socket) => {
      socket.destroy();
      this.fail(this.#malformed("changed the protocol"));
    });
    request.on("error", (cause) => {
      const { code } = cause as { code?: string };
      this.wasStale = !this.#failure && request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");
      reject(this.#failure ?? (cause instanceof OcellusError ? cause : this.#network(cause)));
    });
    request.once("response", (response) => {
      clearTimeout(this.#timer);
      response.on("error", () => {}); // its reader hears of it; without a listener it would end the process
      const { statusCode = 0 } = response;
      if (statusCode < 300 || statusCode >= 400) return resolve(response);
      response.destroy();
      reject(this.#malformed(`redirects (${statusCode}), which is not followed`));
    });
  }

  #network(cause: unknown): OcellusError {
    return networkFailure(cause, this.#options.name, this.#stage);
  }

  #connected(): void {
    this.#stage = "headers";
    this.#wait(this.#options.limits.headersMs);
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail(timeout(this.#options.name, this.#stage, ms)), ms);
  }

  #malformed(problem: string): OcellusError {
    return engineFailure(problem, { engine: this.#options.name, stage: this.#stage, fault: "malformed" });
  }

  /** The socket is not told why: where the answer has just ended, nothing listens to its errors any more. */
  fail(error: OcellusError): void {
    this.#failure ??= error;
    this.request.destroy();
  }
}

const waitedFor: Readonly<Record<EngineStage, string>> = {
  connect: "cannot be reached: no connection",
  headers: "does not answer: no status",
  firstToken: "does not begin its answer: no token",
  betweenTokens: "stopped within its answer: no further token",
};

export function timeout(engine: string, stage: EngineStage, ms: number): OcellusError {
  const details = { limitMs: ms };
  return engineFailure(`${waitedFor[stage]} within ${ms / 1000} s`, { engine, stage, fault: "timeout", details });
}
