/**
 * What an engine was asked and what it answered, byte for byte: recorded by a proxy between the client and a real engine, and played
 * back by a server that knows no more than that. Requests are told apart by their x-request-id, pages by their path.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestOptions, type Server, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { EngineKind } from "../../src/engines/index.js";

export interface Exchange {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface Recording {
  readonly kind: EngineKind;
  /** As it says itself; for people. */
  readonly version: string;
  readonly model: string;
  readonly exchanges: Readonly<Record<string, Exchange>>;
}

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

export function readRecording(name: string): Recording {
  return JSON.parse(readFileSync(join(import.meta.dirname, "recorded", `${name}.json`), "utf8"));
}

export async function replay({ exchanges }: Recording): Promise<Listening> {
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    const found = exchanges[keyOf(request)];
    response.writeHead(found?.status ?? 404, { "content-type": found?.type ?? "text/plain" });
    response.end(found?.body ?? `nothing was recorded of ${keyOf(request)}`);
  });
  return listening(server);
}

/** Passes everything on to `target`, and keeps what came back. */
export async function recorder(target: string, kept: Record<string, Exchange>): Promise<Listening> {
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const passed = { "content-type": "application/json", "x-request-id": String(headers["x-request-id"] ?? "") };
    const exchange = await ask(`${target}${url}`, { method, headers: passed }, await whole(request));
    kept[keyOf(request)] = exchange;
    response.writeHead(exchange.status, { "content-type": exchange.type }).end(exchange.body);
  });
  return listening(server);
}

/** On a connection of its own: these servers close idle ones at times of their own. */
async function ask(url: string, options: RequestOptions, body: Buffer): Promise<Exchange> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const length = body.length > 0 ? { "content-length": body.length } : {};
    const headers = { ...(options.headers as Record<string, string>), ...length };
    send(url, { ...options, headers, agent: false }, resolve)
      .once("error", reject)
      .end(body);
  });
  const text = (await whole(answer)).toString();
  return { status: answer.statusCode ?? 0, type: answer.headers["content-type"] ?? "", body: text };
}

async function whole(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

function keyOf({ url, headers }: IncomingMessage): string {
  return String(headers["x-request-id"] || url);
}

async function listening(server: Server): Promise<Listening> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((closed) => server.close(() => closed()));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
