/**
 * One GET to a hub, and in words why it failed. Redirects are followed here and not by fetch: weights lie on other hosts,
 * which must not see the token, and the digest that the hub states for a file stands on the redirect.
 */
import { OcellusError, readBoundedText, throwIfAborted } from "../core/base/index.js";
import type { Hub } from "./hub.js";
import { Retryable, withRetries } from "./retry.js";

/** A renamed repository and two storage hosts make three. */
const maxRedirects = 5;
/** A page of a listing holds 1,000 files of some 300 bytes. */
const maxJsonBytes = 16 * 2 ** 20;

export interface Answer {
  /** 200, 206 or 416. */
  readonly response: Response;
  /** The digest that the hub itself states for the file, if it does. */
  readonly statedDigest?: string;
}

interface RequestOptions {
  /** What messages call the thing: the repository's name. */
  readonly repo: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One attempt; the caller wraps it in `withRetries`, together with reading the body.
 * @throws `Retryable` for 429, 5xx and dropped connections; `not_found`, `unavailable` (no access), `io`.
 */
export async function request(hub: Hub, address: string, options: RequestOptions): Promise<Answer> {
  let url = new URL(address);
  let statedDigest: string | undefined;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await fetchOnce(hub, url, options);
    if (isOwn(hub, url)) statedDigest ??= digestIn(response);
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) {
      if (!response.ok && response.status !== 416) throw await refusal(hub, response, options.repo);
      return statedDigest === undefined ? { response } : { response, statedDigest };
    }
    await response.body?.cancel();
    url = redirectTarget(url, location);
  }
  throw new OcellusError(
    "io",
    `${options.repo}: ${hub.endpoint} redirects more than ${maxRedirects} times; try later`,
    {
      details: { repo: options.repo, maxRedirects },
    },
  );
}

/** JSON of a bounded size, retried. The package's functions take this as their `fetch`. */
export function fetchForPackage(hub: Hub, repo: string, signal: AbortSignal | undefined): typeof fetch {
  return (input, init) => {
    const headers = { ...(init?.headers as Record<string, string> | undefined) };
    return withRetries({ delayMs: hub.retryDelayMs, signal }, async () => {
      const { response } = await request(hub, String(input), { repo, headers, signal });
      const what = `${repo}: an answer of ${hub.endpoint}`;
      const bound = { what, maxBytes: maxJsonBytes, details: { repo } };
      const text = await readBoundedText(bodyOf(hub, response, undefined), bound);
      const link = response.headers.get("link");
      return new Response(text, { headers: { "content-type": "application/json", ...(link && { link }) } });
    });
  };
}

/**
 * The body's pieces. The reader is cancelled here, not left to fetch's own signal: in Node 20 a body whose last piece has
 * come before the abort, but not its end, waits forever.
 * @throws `Retryable` when the connection breaks, `aborted`.
 */
export async function* bodyOf(
  hub: Hub,
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const cancel = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      throwIfAborted(signal);
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throwIfAborted(signal);
    throw networkFailure(hub, cause);
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

async function fetchOnce(hub: Hub, url: URL, { headers, signal }: RequestOptions): Promise<Response> {
  try {
    return await fetch(url, {
      redirect: "manual",
      signal: signal ?? null,
      headers: {
        "accept-encoding": "identity", // ranges and sizes count the file's own bytes
        ...headers,
        ...(hub.token !== undefined && isOwn(hub, url) && { authorization: `Bearer ${hub.token}` }),
      },
    });
  } catch (cause) {
    throwIfAborted(signal);
    throw networkFailure(hub, cause);
  }
}

/** Only the hub itself may see the token: neither a storage host nor the next page that a listing points to. */
function isOwn(hub: Hub, url: URL): boolean {
  return url.origin === new URL(hub.endpoint).origin;
}

function redirectTarget(from: URL, location: string): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const allowed = target?.protocol === "https:" || (target?.protocol === "http:" && from.protocol === "http:");
  if (target && allowed && !target.username && !target.password) return target;
  throw new OcellusError("io", `${from.host} redirects to an address that is not https; refused`, {
    details: { host: from.host, expected: "https" },
  });
}

/** X-Linked-ETag names a big file, ETag a small one: SHA-256 and git's SHA-1. Other hubs' ETags are something else. */
function digestIn(response: Response): string | undefined {
  const etag = response.headers.get("x-linked-etag") ?? (response.ok ? response.headers.get("etag") : null);
  return /^"?([0-9a-f]{64}|[0-9a-f]{40})"?$/.exec(etag ?? "")?.[1];
}

function networkFailure(hub: Hub, cause: unknown): Retryable | OcellusError {
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause;
  const reason = inner?.code ?? inner?.message ?? (cause instanceof Error ? cause.message : String(cause));
  const lasting = /^(ENOTFOUND|ECONNREFUSED)$|CERT|SIGNATURE/.test(reason);
  const failure = new OcellusError(
    "io",
    lasting
      ? `cannot reach ${hub.endpoint}: ${reason}; check the network and HF_ENDPOINT, or use --offline`
      : `the connection to ${hub.endpoint} broke (${reason}); run the same command again to continue`,
    { details: { endpoint: hub.endpoint, reason }, cause },
  );
  return lasting ? failure : new Retryable(failure);
}

async function refusal(hub: Hub, response: Response, repo: string): Promise<Retryable | OcellusError> {
  await response.body?.cancel();
  const { status } = response;
  const details = { repo, status };
  if (status === 429) return tooManyRequests(hub, response);
  if (status >= 500 || status === 408) {
    const message = `${hub.endpoint} answers ${status}; it is out of order: try later, the same command continues`;
    return new Retryable(new OcellusError("io", message, { details }), retryAfterMs(response));
  }
  const reason = response.headers.get("x-error-code");
  if (status === 401 || status === 403) return noAccess(hub, repo, status, reason);
  if (status === 404 || status === 410) return notThere(repo, reason, details);
  return new OcellusError("io", `${repo}: ${hub.endpoint} answers ${status}, expected the file or the listing`, {
    details,
  });
}

function notThere(repo: string, reason: string | null, details: Record<string, unknown>): OcellusError {
  const missing = reason === "RevisionNotFound" ? "revision" : reason === "EntryNotFound" ? "file" : "repository";
  const message = missing === "repository" ? `there is no repository ${repo}` : `${repo} has no such ${missing}`;
  return new OcellusError("not_found", message, { details: { ...details, missing } });
}

/** The hub answers 401 for a repository that is not there as well: strangers shall not learn which names are taken. */
function noAccess(hub: Hub, repo: string, status: number, reason: string | null): OcellusError {
  const hasToken = hub.token !== undefined;
  const token = hasToken
    ? "check that HF_TOKEN is a valid token of that account"
    : "set HF_TOKEN to a token of your account";
  const page = `${hub.endpoint}/${repo}`;
  if (reason === "GatedRepo") {
    const message = `${repo} is gated (${status}): accept its licence on ${page}, and ${token}`;
    return new OcellusError("unavailable", message, { details: { repo, status, gated: true, page, hasToken } });
  }
  const message = `no access to ${repo} (${status}): check the name; if it is private or gated, accept its licence on ${page} and ${token}`;
  return new OcellusError("unavailable", message, {
    details: { repo, status, missing: "repository", page, hasToken },
  });
}

function tooManyRequests(hub: Hub, response: Response): Retryable {
  const afterMs = retryAfterMs(response);
  const wait = afterMs > 0 ? `${Math.ceil(afterMs / 1000)} s` : "a few minutes";
  const more = hub.token === undefined ? "; with HF_TOKEN more requests are allowed" : "";
  const message = `${hub.endpoint} answers 429, too many requests: wait ${wait} and run the same command again, it continues${more}`;
  return new Retryable(
    new OcellusError("overloaded", message, { details: { status: 429, retryAfterMs: afterMs } }),
    afterMs,
  );
}

/** Seconds or a date; 0 when there is none. A day at most: what is longer is a mistake of the server. */
function retryAfterMs(response: Response): number {
  const text = response.headers.get("retry-after") ?? "";
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Math.min(Math.max(Number.isNaN(milliseconds) ? 0 : milliseconds, 0), 86_400_000);
}
