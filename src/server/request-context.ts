/** One request on its way through the server: its id, who asks, when it must end, what is held for it, and what it shares with all. */
import { randomUUID } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import type { Logger } from "pino";
import { aborted, OcellusError, ofParam, type QueueOwner } from "../core/base/index.js";
import type { GuardReport } from "../guardrails/index.js";
import { anthropicError, type ErrorBody } from "../protocol/index.js";
import { uniqueId } from "../rollout/index.js";
import type { Visitor } from "./admission-queue.js";
import type { BatchOwner } from "./batches.js";
import type { LeaseHolder } from "./model-catalog.js";
import type { Assignment, Caller, Lease } from "./model-provider.js";
import type { FollowedRequest, RequestEnd, RequestStats } from "./request-events.js";
import type { Services } from "./services.js";

/** Routes of Anthropic's API. */
const anthropicPath = "/v1/messages";

export interface Env {
  Variables: { context: RequestContext };
  /** Of a request that comes from within: on whose behalf. */
  Bindings: { batch?: BatchOwner };
}
export type App = OpenAPIHono<Env>;
export type HonoContext = Context<Env>;

/** An id that a client may choose: printable, short enough for every log. */
const goodId = /^[\w.:-]{1,128}$/;

/** What work that hears the signal is given to say so itself, before the request ends without it. */
const lastWordMs = 2000;

function nameIn(request: Request, header: string): string | undefined {
  const text = request.headers.get(header) ?? "";
  return goodId.test(text) ? text : undefined;
}

function renamed(error: unknown, names: Readonly<Record<string, string>>): unknown {
  const param = error instanceof OcellusError ? error.details.param : undefined;
  const name = typeof param === "string" ? names[param.split(".")[0]!] : undefined;
  if (name === undefined) return error;
  const { code, message, details } = error as OcellusError;
  return new OcellusError(code, message, { details: { ...details, param: name }, cause: error });
}

/** Who asks. What it may do is known once its key is. */
export interface RequestCaller extends Caller, Visitor {
  /** The key that asks; the address for everybody without one. */
  owner: string;
  user?: string | undefined;
  /** Has shown an admin key, or needs none: told why the server failed, paths included. */
  isOperator: boolean;
  /** Answers that this owner may have at once; those beyond wait. */
  maxConcurrent: number | undefined;
}

/** What an error of the body is about. */
interface Input {
  /** Of one that names no parameter; undefined until the body is read. */
  param?: string | undefined;
  /** Parameters that this route spells otherwise than the one that its requests are turned into. */
  names?: Readonly<Record<string, string>>;
  /** Parameters that were read and have no effect here. */
  readonly ignored: string[];
}

export class RequestContext implements LeaseHolder, FollowedRequest {
  /** What all requests of the server share. */
  readonly services: Services;
  readonly id: string;
  readonly log: Logger;
  readonly started = performance.now();
  /** Aborted by the client's leaving, by the deadline, or by the server's end. */
  readonly signal: AbortSignal;
  readonly caller: RequestCaller;
  readonly input: Input = { ignored: [] };
  readonly stats: RequestStats = {};
  /** What the guards have said of it so far. */
  readonly guardReports: GuardReport[] = [];
  /** The version that answers, where it comes from the registry. */
  assignment: Assignment | undefined;
  /** The answer continues after its headers: the body's end is the end. */
  isStreaming = false;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #leases: Lease[] = [];
  readonly #place: () => Pick<RequestEnd, "method" | "path" | "route">;
  #lastWord: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(c: HonoContext, services: Services) {
    const request = c.req.raw;
    const wanted = request.headers.get("x-request-id") ?? "";
    this.services = services;
    this.id = goodId.test(wanted) ? uniqueId(wanted) : `req_${randomUUID()}`;
    this.log = services.log.child({ request: this.id });
    this.signal = AbortSignal.any([request.signal, this.#controller.signal]);
    this.caller = {
      owner: "anonymous",
      isOperator: false,
      maxConcurrent: undefined,
      conversation: nameIn(request, "x-ocellus-conversation"),
      version: nameIn(request, "x-ocellus-version"),
      signal: this.signal,
    };
    this.#place = () => ({ method: c.req.method, path: c.req.path, route: routePath(c, -1) }); // known once it is routed
    const { deadlineMs } = services.config;
    const late = () =>
      new OcellusError("timeout", `the request was not answered within its ${deadlineMs / 1000} seconds`, {
        details: { deadlineMs },
      });
    this.#timer = setTimeout(() => this.abort(late()), deadlineMs);
    services.lifecycle.begin(this);
  }

  /** Ends the work for this request; `reason` is what its client is told. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /**
   * Called when the request is still not answered a moment after its signal: for work that hears no signal, and would
   * else hold the request, and all that was taken for it, forever.
   */
  onOverdue(end: (reason: unknown) => void): void {
    const late = () => {
      if (!this.#hasEnded) this.#lastWord = setTimeout(() => end(aborted(this.signal)), lastWordMs);
    };
    if (this.signal.aborted) late();
    else this.signal.addEventListener("abort", late, { once: true });
  }

  /** For work that takes turns. */
  get queueOwner(): QueueOwner {
    return { owner: this.caller.owner, request: this.id };
  }

  /** Work that was aborted failed for the reason it was aborted for; a fault of the request names the parameter. */
  reasonFor(error: unknown): unknown {
    const { reason } = this.signal;
    if (error instanceof OcellusError && error.code === "aborted" && reason instanceof OcellusError) return reason;
    const { param, names = {} } = this.input;
    return param === undefined ? error : renamed(ofParam(error, param), names);
  }

  /** An error in the words of the API that this request speaks. */
  errorBody(status: number, body: ErrorBody): object {
    const { path } = this.#place();
    return path.startsWith(anthropicPath) ? anthropicError(status, body, this.id) : body;
  }

  /** Gives a model back when the request ends. @throws as the signal's reason, for one that comes after the end */
  hold(lease: Lease): void {
    this.#leases.push(lease);
    if (!this.#hasEnded) return;
    this.#giveBack();
    throw aborted(this.signal);
  }

  #giveBack(): void {
    for (const lease of this.#leases.splice(0))
      try {
        lease.release();
      } catch (error) {
        this.log.error({ err: error, model: lease.id }, "a model was not taken back");
      }
  }

  /** The last byte is written, or no one reads on. */
  end(status: number, error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#lastWord);
    this.#giveBack();
    const { lifecycle, budget, listeners } = this.services;
    lifecycle.end(this);
    budget.release(this.caller);
    listeners.end(this, { status, error, ...this.#place() });
  }
}
