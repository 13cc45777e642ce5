/**
 * Who may ask. With keys, only who has one. Without, everybody who can reach the port; on a loopback address that means
 * programs of this machine, and not the web pages that its browser shows.
 */
import { getConnInfo } from "@hono/node-server/conninfo";
import { OcellusError } from "../core/base/index.js";
import type { ApiKey } from "./keys.js";
import type { RateLimits, RateState } from "./rate-limit.js";
import type { App, HonoContext } from "./request-context.js";
import { type Services, versionsOf } from "./services.js";

/** What needs a key: the API. The page, its documents and health show nothing of anybody's images. */
const guarded = "/v1/*";
/** Has keys of its own: a key that may ask does not decide who answers. */
const administered = "/admin/*";

export function addAccess(app: App, services: Services): void {
  app.use(async (c, next) => {
    refuseForeignPages(c, services);
    await next();
  });
  const warnOfProxy = proxyWarning(services);
  app.use(guarded, async (c, next) => {
    warnOfProxy(c);
    await admitCaller(c, services);
    await next();
  });
  app.use("/metrics", async (c, next) => {
    await admitScraper(c, services);
    await next();
  });
  app.use(administered, async (c, next) => {
    await admitAdmin(c, services);
    await next();
  });
}

async function admitCaller(c: HonoContext, { keys, config, lifecycle, rates }: Services): Promise<void> {
  const context = c.get("context");
  lifecycle.admit();
  const batch = c.env?.batch;
  if (batch) {
    if (keys && !(await keys.has(batch.owner))) throw noKey(); // removed since it was shown
    Object.assign(context.caller, batch); // its requests wait their turn
    return;
  }
  const key = keys && (await keys.find(secretOf(c)));
  if (keys && !key) throw noKey();
  context.caller.owner = key?.name ?? addressOf(c);
  context.caller.maxConcurrent = key?.maxConcurrent ?? config.maxConcurrent;
  await takeRequest(c, rates, context.caller.owner, {
    requestsPerMinute: key?.requestsPerMinute ?? config.requestsPerMinute,
    requestsPerDay: key?.requestsPerDay ?? config.requestsPerDay,
  });
}

/** Also of a server that drains, whose last figures matter. */
async function admitScraper(c: HonoContext, { keys, adminKeys, config }: Services): Promise<void> {
  const { metricsKey } = config;
  if (metricsKey === "none") return;
  const ring = metricsKey === "admin" ? adminKeys : keys;
  if (!(await ring?.find(bearer(c)))) throw noKey();
}

function noKey(): OcellusError {
  return new OcellusError("unauthorized", "no valid API key: expected the header Authorization: Bearer sk-ocellus-…");
}

/** Said once: without keys an address is a user, and behind a proxy all users have its address. */
function proxyWarning({ keys, log }: Services): (c: HonoContext) => void {
  let isSaid = keys !== undefined;
  return (c) => {
    if (isSaid || !isForwarded(c)) return;
    isSaid = true;
    log.warn(
      "requests come through a proxy, and there are no keys: everybody behind it is one user, with one list of files and one limit; use --keys-file",
    );
  };
}

/** The owner is the name in the history: never that of the canary analysis, nor of a key that may only ask. */
async function admitAdmin(c: HonoContext, services: Services): Promise<void> {
  const { adminKeys, lifecycle, config, rates } = services;
  lifecycle.admit();
  const context = c.get("context");
  if (!adminKeys) {
    const hasOther = services.backends !== undefined || services.guards.policy.audit !== undefined;
    if (!hasOther) versionsOf(services); // where there is nothing to change, that is the answer
    refuseFarAdmin(c, config);
    context.caller.owner = `${addressOf(c)}@admin`;
    context.caller.isOperator = true;
    return;
  }
  const key = await adminKeys.find(bearer(c));
  if (!key)
    throw new OcellusError("unauthorized", "no valid admin key: expected Authorization: Bearer sk-ocellus-… of one");
  context.caller.owner = `${key.name}@admin`;
  context.caller.isOperator = true;
  await takeRequest(c, rates, context.caller.owner, key);
}

/**
 * Without admin keys: programs of this machine and this server's own page, if the operator has said so. A proxy on this
 * machine looks like one of its programs, and some add no header; so this is never on by itself.
 */
function refuseFarAdmin(c: HonoContext, { host, insecureLocalAdmin }: Services["config"]): void {
  if (!insecureLocalAdmin)
    throw new OcellusError(
      "unauthorized",
      "versions are changed with an admin key, and this server has none: `ocellus keys add NAME --keys-file admin.json`, then `ocellus serve --admin-keys-file admin.json`",
    );
  const asked = c.req.header("host") ?? "";
  const origin = c.req.header("origin");
  const isNear = addressOf(c) === "local" || isLoopback(addressOf(c));
  const isOwn = isLoopback(hostName(asked)) && (origin === undefined || isSameHost(origin, asked));
  if (isLoopback(host) && isNear && isOwn && !isForwarded(c)) return;
  throw new OcellusError(
    "unauthorized",
    "--insecure-local-admin lets programs of this machine and this server's own page in, and this request came by another way; use --admin-keys-file",
  );
}

/** Headers by which proxies say whom they ask for, or that they are there. */
const forwarding =
  /^(forwarded|via|x-(forwarded|envoy|original)-.*|(x-)?(real|client|cluster-client|true-client)-ip|(cf|fastly)-.*-ip|fastly-client-ip)$/;

function isForwarded(c: HonoContext): boolean {
  return [...c.req.raw.headers.keys()].some((name) => forwarding.test(name));
}

/** As OpenAI's clients show it, or Anthropic's. */
function secretOf(c: HonoContext): string {
  return bearer(c) || (c.req.header("x-api-key") ?? "");
}

function bearer(c: HonoContext): string {
  return /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
}

function addressOf(c: HonoContext): string {
  // Without a socket there is no address: an app that is called as a function.
  return (c.env as { incoming?: unknown } | undefined)?.incoming
    ? (getConnInfo(c).remote.address ?? "unknown")
    : "local";
}

/** @throws `overloaded` when the minute or the day is spent. */
async function takeRequest(
  c: HonoContext,
  rates: RateLimits,
  owner: string,
  { requestsPerMinute, requestsPerDay }: Pick<ApiKey, "requestsPerMinute" | "requestsPerDay">,
): Promise<void> {
  if (requestsPerMinute !== undefined)
    tellRate(c, await rates.take(owner, { requests: requestsPerMinute, per: "minute" }));
  if (requestsPerDay !== undefined) await rates.take(owner, { requests: requestsPerDay, per: "day" });
}

/** The headers that OpenAI's clients know. */
function tellRate(c: HonoContext, { limit, remaining, resetMs }: RateState): void {
  c.header("x-ratelimit-limit-requests", String(limit));
  c.header("x-ratelimit-remaining-requests", String(remaining));
  c.header("x-ratelimit-reset-requests", `${resetMs}ms`);
}

/**
 * A browser says where a page comes from. Without keys, a page of the internet must not ask the server on its reader's
 * own machine, neither as itself (Origin) nor under a name that it has pointed at 127.0.0.1 (Host).
 */
function refuseForeignPages(c: HonoContext, { config, keys }: Services): void {
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
