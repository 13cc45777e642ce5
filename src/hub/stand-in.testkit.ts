/**
 * A stand-in for the hub on this machine: the paths that the package and `pull` ask for, a storage host of its own (another
 * origin, as in life), listings in pages, and faults on demand. It writes down every request.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const commit = "0123456789abcdef0123456789abcdef01234567";

export interface Fault {
  /** The end of the request's path. */
  readonly on: string;
  /** Default 1. */
  times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is cut after so many bytes of the body. */
  readonly dropAfter?: number;
  /** One bit of the body is another. */
  readonly wrongByte?: boolean;
  readonly ignoreRange?: boolean;
  /** The body never continues after `dropAfter` bytes: for Ctrl-C. */
  readonly hang?: boolean;
}

export interface SeenRequest {
  readonly path: string;
  readonly host: "hub" | "storage";
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface Substitute {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  readonly faults: Fault[];
  /** Replaces the tree listing when set. */
  listing?: unknown;
  /** How much of a file the client has on its disk: a connection is cut once what was sent has arrived there. */
  keptBytes?: (name: string) => number;
  readonly files: Map<string, Buffer>;
  commit: string;
  close(): Promise<void>;
}

interface JsonAnswer {
  readonly json?: unknown;
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** Above this many bytes a file is "LFS": it is listed with SHA-256 and lies on the storage host. */
const lfsBytes = 1000;
const pageSize = 3;

export async function startStandIn(repo: string, contents: Record<string, Buffer>): Promise<Substitute> {
  const files = new Map(Object.entries(contents));
  const hub = createServer((request, response) => void serve("hub", request, response));
  const storage = createServer((request, response) => void serve("storage", request, response));
  const [endpoint, storageOrigin] = await Promise.all([listen(hub), listen(storage)]);
  const standIn: Substitute = {
    ...{ endpoint, seen: [], faults: [], files, commit },
    close: async () => {
      await Promise.all([hub, storage].map(closeServer));
    },
  };

  async function serve(host: "hub" | "storage", request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, endpoint);
    const path = decodeURIComponent(url.pathname);
    const { range, authorization } = request.headers;
    standIn.seen.push({ path, host, range, authorization });
    const fault = takeFault(path, host);
    if (fault?.status) return void response.writeHead(fault.status, fault.headers).end("{}");
    const content = host === "storage" ? files.get(path.slice(1)) : undefined;
    const kept = () => standIn.keptBytes?.(path.split("/").at(-1)!) ?? Number.POSITIVE_INFINITY;
    if (content) return sendBytes(response, content, range, { fault, kept });
    const answer = answerOf(path, url);
    if (answer === undefined) return void response.writeHead(404, { "x-error-code": "RepoNotFound" }).end("{}");
    if (Buffer.isBuffer(answer)) return sendBytes(response, answer, range, { fault, kept, etag: gitSha1(answer) });
    response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.json ?? {}));
  }

  function takeFault(path: string, host: string): Fault | undefined {
    // A big file's request comes to the hub and then to storage; faults of bodies belong to where the body is.
    const big = (files.get(path.replace(/^.*\/resolve\/[^/]+\//, ""))?.length ?? 0) > lfsBytes;
    const fault = standIn.faults.find(
      (f) => (f.times ?? 1) > 0 && path.endsWith(f.on) && (f.status !== undefined || host === "storage" || !big),
    );
    if (fault) fault.times = (fault.times ?? 1) - 1;
    return fault;
  }

  function answerOf(path: string, url: URL): Buffer | JsonAnswer | undefined {
    if (path === "/api/models") return { json: [{ _id: "1", id: repo }] };
    if (path === `/api/models/${repo}/refs`)
      return { json: { branches: [{ name: "main" }], tags: [{ name: "v1.0" }] } };
    const revision = new RegExp(`^/api/models/${repo}/revision/(.+)$`).exec(path)?.[1];
    if (revision && !["main", "v1.0", standIn.commit].includes(revision))
      return { status: 404, headers: { "x-error-code": "RevisionNotFound" } };
    if (revision) return { json: { _id: "1", id: repo, sha: standIn.commit, private: false, gated: false } };
    if (path === `/api/models/${repo}/tree/${standIn.commit}`) return page(url);
    const prefix = `/${repo}/resolve/${standIn.commit}/`;
    const content = path.startsWith(prefix) ? files.get(path.slice(prefix.length)) : undefined;
    if (!content || content.length <= lfsBytes) return content;
    const headers = {
      location: `${storageOrigin}/${path.slice(prefix.length)}`,
      "x-linked-etag": `"${sha256(content)}"`,
    };
    return { status: 302, headers };
  }

  function page(url: URL): JsonAnswer {
    const entries =
      (standIn.listing as unknown[] | undefined) ?? [...files].map(([path, bytes]) => entryOf(path, bytes));
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const json = entries.slice(start, start + pageSize);
    if (start + pageSize >= entries.length) return { json };
    url.searchParams.set("cursor", String(start + pageSize));
    return { json, headers: { link: `<${url.href}>; rel="next"` } };
  }

  return standIn;
}

export function entryOf(path: string, bytes: Buffer): Record<string, unknown> {
  const entry = { type: "file", path, size: bytes.length, oid: gitSha1(bytes) };
  return bytes.length > lfsBytes
    ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }
    : entry;
}

function sendBytes(
  response: ServerResponse,
  content: Buffer,
  range: string | undefined,
  { fault, kept, etag }: { fault: Fault | undefined; kept: () => number; etag?: string },
): void {
  const start = range && !fault?.ignoreRange ? Number(/^bytes=(\d+)-$/.exec(range)![1]) : undefined;
  const body = Buffer.from(content.subarray(start ?? 0));
  if (fault?.wrongByte) body[body.length - 1]! ^= 1;
  const contentRange = { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` };
  response.writeHead(start === undefined ? 200 : 206, {
    "content-length": body.length,
    ...(etag && { etag: `"${etag}"` }),
    ...(start !== undefined && contentRange),
  });
  if (fault?.dropAfter === undefined) return void response.end(body);
  response.write(body.subarray(0, fault.dropAfter));
  if (!fault.hang) cutWhenKept(response, kept, (start ?? 0) + fault.dropAfter);
}

/** A cut connection takes along what the client has received but not yet read. */
function cutWhenKept(response: ServerResponse, kept: () => number, wanted: number): void {
  const timer = setInterval(() => {
    if (kept() < wanted) return;
    clearInterval(timer);
    response.destroy();
  }, 5);
  response.on("close", () => clearInterval(timer));
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function gitSha1(bytes: Buffer): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function listen(server: Server): Promise<string> {
  return new Promise((done) =>
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}
