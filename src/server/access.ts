/**
 * Who may ask. With keys, only who has one. Without, everybody who can reach the port; on a loopback address that means
 * programs of this machine, and not the web pages that its browser shows.
 */
import { getConnInfo } from "@hono/node-server/conninfo";
import { OcellusError } from "../base/index.js";
import type { App, RequestContext } from "./exchange.js";
import type { RateState } from "./rate-limit.js";
import type { Services } from "./services.js";

/** What needs a key: the API. The page, health and metrics show nothing of anybody's pictures. */
const guarded = "/v1/*";
/** Has keys of its own: who may ask must not say who is asked. */
const administered = "/admin/*";

export function addAccess(app: App, services: Services): void {
  app.use(async (c, next) => {
    refuseForeignPages(c, services);
    await next();
  });
  app.use(guarded, async (c, next) => {
    const exchange = c.get("exchange");
    const { keys, config, rates, lifecycle } = services;
    lifecycle.admit();
    const key = keys && (await keys.find(bearer(c)));
    if (keys && !key)
      throw new OcellusError(
        "unauthorized",
        "no valid API key: expected the header Authorization: Bearer sk-ocellus-…",
      );
    exchange.owner = key?.name ?? addressOf(c);
    exchange.maxConcurrent = key?.maxConcurrent ?? config.maxConcurrent;
    const perMinute = key?.requestsPerMinute ?? config.requestsPerMinute;
    if (perMinute !== undefined) tellRate(c, rates.take(exchange.owner, perMinute));
    await next();
  });
  app.use(administered, async (c, next) => {
    await admitAdmin(c, services);
    await next();
  });
}

/** The owner is the name in the history: never that of the judge, nor of a key that may only ask. */
async function admitAdmin(c: RequestContext, { adminKeys, rates, lifecycle, config }: Services): Promise<void> {
  lifecycle.admit();
  const exchange = c.get("exchange");
  const key = adminKeys && (await adminKeys.find(bearer(c)));
  if (adminKeys && !key)
    throw new OcellusError("unauthorized", "no valid admin key: expected Authorization: Bearer sk-ocellus-… of one");
  if (!adminKeys) refuseFarAdmin(c, config);
  exchange.owner = `${key?.name ?? addressOf(c)}@admin`;
  if (key?.requestsPerMinute !== undefined) tellRate(c, rates.take(exchange.owner, key.requestsPerMinute));
}

/** Without admin keys: programs of this machine, and this server's own page. What came through a proxy came from afar. */
function refuseFarAdmin(c: RequestContext, { host }: Services["config"]): void {
  const asked = c.req.header("host") ?? "";
  const origin = c.req.header("origin");
  const isProxied = ["forwarded", "x-forwarded-for", "x-real-ip"].some((name) => c.req.header(name) !== undefined);
  const isNear = addressOf(c) === "local" || isLoopback(addressOf(c));
  const isOwn = isLoopback(hostName(asked)) && (origin === undefined || isSameHost(origin, asked));
  if (isLoopback(host) && isNear && isOwn && !isProxied) return;
  throw new OcellusError(
    "unauthorized",
    "without --admin-keys-file only programs of this machine and this server's own page may change versions",
  );
}

function bearer(c: RequestContext): string {
  return /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
}

function addressOf(c: RequestContext): string {
  // Without a socket there is no address: an app that is called as a function.
  return (c.env as { incoming?: unknown } | undefined)?.incoming
    ? (getConnInfo(c).remote.address ?? "unknown")
    : "local";
}

/** The headers that OpenAI's clients know. */
function tellRate(c: RequestContext, { limit, remaining, resetMs }: RateState): void {
  c.header("x-ratelimit-limit-requests", String(limit));
  c.header("x-ratelimit-remaining-requests", String(remaining));
  c.header("x-ratelimit-reset-requests", `${resetMs}ms`);
}

/**
 * A browser says where a page comes from. Without keys, a page of the internet must not ask the server on its reader's
 * own machine, neither as itself (Origin) nor under a name that it has pointed at 127.0.0.1 (Host).
 */
function refuseForeignPages(c: RequestContext, { config, keys }: Services): void {
  if (keys) return;
  const host = c.req.header("host") ?? "";
  const origin = c.req.header("origin");
  const isForeign = origin !== undefined && !isSameHost(origin, host) && !config.corsOrigins.includes(origin);
  const isDisguised = isLoopback(config.host) && !isLoopback(hostName(host));
  if (!isForeign && !isDisguised) return;
  const found = isForeign ? `a page of ${origin}` : `the name ${host}`;
  throw new OcellusError("unauthorized", `${found} may not use this server; allow it with --cors-origins, or use keys`);
}

function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, "");
}

export function isLoopback(name: string): boolean {
  return name === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(name) || name === "::1" || name === "[::1]";
}
