/**
 * An image or a video by its address, for strangers. Names are resolved here, the addresses checked, and the connection is made to
 * exactly these: a name that points elsewhere a moment later gains nothing. Redirects pass the same door again. Node's own
 * `http` and `https`: the global fetch has no say over addresses. Whatever the host does, the fetch ends at its deadline,
 * and its error says what went wrong in words of ours: the system's would tell a stranger which names and addresses exist here.
 */
import { lookup } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { OcellusError, readBounded, throwIfAborted } from "../core/base/index.js";
import { sniffFormat, sniffVideo } from "../core/runtime/index.js";
import { isPublicAddress, isPublicOrPrivateAddress } from "./public-address.js";

export type MediaKind = "image" | "video";

export interface FetchLimits {
  readonly maxBytes: number;
  /** What is expected there. Default: an image. */
  readonly kind?: MediaKind;
  /** For everything: names, redirects, bytes. */
  readonly timeoutMs: number;
  /** Told of bytes as they come; may throw. */
  readonly onBytes?: (numBytes: number) => void;
  /** As `URL.host` spells them: these may be machines of a private network. */
  readonly imageHosts?: readonly string[];
  /** Whether others are asked, if they are public machines. Default true. */
  readonly allowsPublic?: boolean;
}

/** How the world is asked; tests have a world of their own. */
export interface Surroundings {
  /** All addresses of a name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly isAllowed: (address: string) => boolean;
}

const world: Surroundings = {
  resolve: async (name) => (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address),
  isAllowed: isPublicAddress,
};

/** Enough for a host that moves to https and to its storage; more is a loop. */
const maxRedirects = 5;

/** More interim answers (1xx) than any server has a use for. */
const maxInterim = 10;

/** @throws `invalid_request` (an address we do not go to), `invalid_image` (`details.reason`), `too_large`, `aborted`. */
export async function fetchImage(
  address: string,
  limits: FetchLimits,
  signal: AbortSignal,
  surroundings: Surroundings = world,
): Promise<Uint8Array> {
  const { kind = "image" } = limits;
  const ended = new AbortController(); // closes what is open when the fetch ends, however it ends
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const either = AbortSignal.any([signal, timeout, ended.signal]);
  try {
    const bytes = await Promise.race([fetchBytes(address, limits, either, surroundings), rejectOn(either)]);
    checkKind(bytes, kind);
    return bytes;
  } catch (error) {
    throwIfAborted(signal);
    if (timeout.aborted)
      throw unreachable(kind, "late", `no complete answer within ${limits.timeoutMs / 1000} s`, error);
    if (error instanceof OcellusError) throw error;
    throw unreachable(kind, ...reasonOf(error), error);
  } finally {
    ended.abort();
  }
}

async function fetchBytes(
  address: string,
  limits: FetchLimits,
  signal: AbortSignal,
  surroundings: Surroundings,
): Promise<Uint8Array> {
  const response = await follow(parseAddress(address, limits.kind), limits, surroundings, signal);
  const { maxBytes, onBytes } = limits;
  const statedBytes = response.headers["content-length"];
  return readBounded(response, {
    what: `the ${limits.kind ?? "image"} at this address`,
    maxBytes,
    onBytes,
    statedBytes,
  });
}

async function follow(
  first: URL,
  limits: FetchLimits,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let url = first;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const addresses = await allowedAddresses(url, limits, surroundings, signal);
    const response = await get(url, addresses, limits.kind, signal);
    const { statusCode = 0 } = response;
    const { location } = response.headers;
    if (statusCode === 200) return response;
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || location === undefined)
      throw unreachable(limits.kind, "status", `its server answered ${statusCode}`);
    url = parseAddress(location, limits.kind, url);
  }
  throw unreachable(limits.kind, "redirects", `more than ${maxRedirects} redirects`);
}

function parseAddress(text: string, kind: MediaKind | undefined, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  const found = base ? "a redirect to something else" : JSON.stringify(text.slice(0, 80)); // of others' words, nothing
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw refused(kind, `expected an http or https address, found ${found}`);
  if (url.username !== "" || url.password !== "") throw refused(kind, "an address with a password in it is not used");
  return url;
}

/**
 * One bad address among several is enough: a name of honest machines has none. A name without any address gives the same
 * error, or a stranger could try out which names a private network knows.
 */
async function allowedAddresses(
  url: URL,
  { kind, imageHosts = [], allowsPublic = true }: FetchLimits,
  { resolve, isAllowed }: Surroundings,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isTrusted = imageHosts.includes(url.host);
  if (!isTrusted && !allowsPublic)
    throw refused(kind, "its host is none of those that this server fetches from (--image-hosts)");
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(name) ? [name] : await resolve(name).catch(() => []);
  signal.throwIfAborted(); // the system's resolver knows no signal
  if (addresses.length > 0 && addresses.every(isTrusted ? isPublicOrPrivateAddress : isAllowed)) return addresses;
  throw refused(kind, "its host is not a public machine; files are fetched from the internet only");
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function get(
  url: URL,
  addresses: readonly string[],
  kind: MediaKind = "image",
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  /** In place of the system's: hands out what was checked. */
  const lookup: LookupFunction = (_name, options, found) =>
    options.all ? found(null, all) : found(null, all[0]!.address, all[0]!.family);
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { accept: `${kind}/*`, "accept-encoding": "identity", "user-agent": "ocellus" };
  return new Promise((resolve, reject) => {
    let numInterim = 0;
    const sent = request(url, { lookup, headers, signal, agent: false }, resolve);
    sent.on("error", reject); // for good: a second error without a listener would end the process
    sent.once("close", () => reject(broken("closed before an answer")));
    sent.once("upgrade", (_, socket) => socket.destroy()); // 101 to a request that asked for no other protocol
    sent.on("information", () => ++numInterim > maxInterim && sent.destroy(broken("interim answers without end")));
    sent.end();
  });
}

function refused(kind: MediaKind = "image", problem: string): OcellusError {
  return new OcellusError("invalid_request", `the address of the ${kind}: ${problem}`, {
    details: { param: `${kind}_url` },
  });
}

/** A file of another kind is refused before anything else reads it. */
function checkKind(bytes: Uint8Array, kind: MediaKind): void {
  if (kind === "image") sniffFormat(bytes, "the image's address");
  else if (!sniffVideo(bytes))
    throw new OcellusError("invalid_image", "the video's address: expected a video file, found something else", {
      details: { param: "video_url", found: "other bytes" },
    });
}

/** Why a host gave no picture, as `details.reason`. */
type Reason = "late" | "status" | "redirects" | "refused" | "tls" | "broken" | "network";

/** A host that does not speak HTTP as it should. */
function broken(message: string): Error {
  return Object.assign(new Error(message), { code: "HPE_BROKEN" });
}

/** Of an error of the system or of Node's HTTP parser, whose own words name addresses, ports and names. */
function reasonOf(error: unknown): [Reason, string] {
  const { code = "" } = error as { code?: string };
  if (code === "ECONNREFUSED") return ["refused", "its server refused the connection"];
  if (code.startsWith("HPE_") || code === "ECONNRESET" || code === "EPIPE")
    return ["broken", "its server closed the connection, or does not speak HTTP"];
  if (/CERT|TLS|SSL|SIGNATURE|EPROTO/.test(code)) return ["tls", "no secure connection: its certificate is not valid"];
  return ["network", "its server cannot be reached"];
}

function unreachable(kind: MediaKind = "image", reason: Reason, words: string, cause?: unknown): OcellusError {
  return new OcellusError("invalid_image", `the ${kind} cannot be fetched from its address: ${words}`, {
    details: { param: `${kind}_url`, reason },
    cause,
  });
}
