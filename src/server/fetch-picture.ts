/**
 * A picture by its address, for strangers. Names are resolved here, the addresses checked, and the connection is made to
 * exactly these: a name that points elsewhere a moment later gains nothing. Redirects pass the same door again. Node's own
 * `http` and `https`: the global fetch has no say over addresses.
 */
import { lookup } from "node:dns/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { OcellusError, throwIfAborted } from "../base/index.js";
import { sniffFormat } from "../runtime/index.js";
import { isPublicAddress } from "./public-address.js";

export interface FetchLimits {
  readonly maxBytes: number;
  /** For everything: names, redirects, bytes. */
  readonly timeoutMs: number;
  /** Told of bytes as they come; may throw. */
  readonly onBytes?: (numBytes: number) => void;
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

/** @throws `invalid_request` (an address we do not go to), `invalid_image`, `too_large`, `aborted`. */
export async function fetchPicture(
  address: string,
  limits: FetchLimits,
  signal: AbortSignal,
  surroundings: Surroundings = world,
): Promise<Uint8Array> {
  const { timeoutMs } = limits;
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, timeout]);
  try {
    const response = await follow(parseAddress(address), surroundings, either);
    const bytes = await boundedBytes(response, limits);
    sniffFormat(bytes, "the picture's address");
    return bytes;
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof OcellusError) throw error;
    const reason = timeout.aborted ? `no complete answer within ${timeoutMs / 1000} s` : (error as Error).message;
    throw unreachable(reason, error);
  }
}

async function follow(first: URL, surroundings: Surroundings, signal: AbortSignal): Promise<IncomingMessage> {
  let url = first;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await get(url, await allowedAddresses(url, surroundings, signal), signal);
    const { statusCode = 0 } = response;
    const { location } = response.headers;
    if (statusCode === 200) return response;
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || location === undefined)
      throw unreachable(`its server answered ${statusCode}`);
    url = parseAddress(location, url);
  }
  throw unreachable(`more than ${maxRedirects} redirects`);
}

function parseAddress(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw refused(`expected an http or https address, found ${JSON.stringify(text.slice(0, 80))}`);
  if (url.username !== "" || url.password !== "") throw refused("an address with a password in it is not used");
  return url;
}

/** One bad address among several is enough: a name of honest machines has none. */
async function allowedAddresses(
  url: URL,
  { resolve, isAllowed }: Surroundings,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(name) ? [name] : await Promise.race([resolve(name), rejectOn(signal)]);
  if (addresses.length > 0 && addresses.every(isAllowed)) return addresses;
  throw refused(`${name} is not a public address; pictures are fetched from the internet only`);
}

/** The system's resolver knows no signal. */
function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}

function get(url: URL, addresses: readonly string[], signal: AbortSignal): Promise<IncomingMessage> {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  /** In place of the system's: hands out what was checked. */
  const lookup: LookupFunction = (_name, options, found) =>
    options.all ? found(null, all) : found(null, all[0]!.address, all[0]!.family);
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { accept: "image/*", "accept-encoding": "identity", "user-agent": "ocellus" };
  return new Promise((resolve, reject) => {
    request(url, { lookup, headers, signal, agent: false }, resolve).once("error", reject).end();
  });
}

/** The stated length is checked first, the real one as it arrives. */
async function boundedBytes(response: IncomingMessage, { maxBytes, onBytes }: FetchLimits): Promise<Uint8Array> {
  checkBytes(Number(response.headers["content-length"] ?? 0), maxBytes);
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    numBytes += chunk.length;
    onBytes?.(chunk.length);
    checkBytes(numBytes, maxBytes); // leaving the loop closes the connection
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, numBytes);
}

function checkBytes(numBytes: number, maxBytes: number): void {
  if (numBytes <= maxBytes) return;
  throw new OcellusError(
    "too_large",
    `the picture at this address has at least ${numBytes} bytes, at most ${maxBytes} are read`,
  );
}

function refused(problem: string): OcellusError {
  return new OcellusError("invalid_request", `a picture's address: ${problem}`, { details: { param: "image_url" } });
}

function unreachable(reason: string, cause?: unknown): OcellusError {
  return new OcellusError("invalid_image", `the picture cannot be fetched from its address: ${reason}`, {
    details: { param: "image_url" },
    cause,
  });
}
