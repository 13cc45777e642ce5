/**
 * The app on a port. A client may close its half of the connection after its question and still gets the answer; one that
 * has closed both is noticed by an interim answer, which no one takes.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Closing, ioError } from "../core/base/index.js";
import type { App } from "./request-context.js";

export interface Listening {
  readonly url: string;
  /** Takes no more connections; resolves when the open ones are closed: those whose clients do not read on, by us. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly keepAliveMs: number;
}

/** @throws `io` when the port is taken or not allowed. */
export async function listen(app: App, { host, port, keepAliveMs }: ListenOptions): Promise<Listening> {
  const server = serve({ fetch: app.fetch, hostname: host, port }) as Server; // of HTTP/1.1, as no other was asked for
  server.keepAliveTimeout = keepAliveMs;
  keepHalfOpen(server);
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve).once("error", (cause) => reject(ioError("listen on", `${host}:${port}`, cause)));
  });
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  const closing = new Closing("the server");
  const close = () => closing.run(() => closeServer(server));
  return { url: `http://${name}:${actual}`, close, [Symbol.asyncDispose]: close };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => server.closeAllConnections(), lastBytesMs);
    server.close((error) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve();
    });
    server.closeIdleConnections();
  });
}

/** For what was answered already to reach its clients. */
const lastBytesMs = 2000;

/** Not in Node's documents: https://github.com/nodejs/node/blob/v20.x/lib/_http_server.js, socketOnEnd. */
function keepHalfOpen(server: Server): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    let timer: NodeJS.Timeout | undefined;
    // Of a client that has left, the system answers a probe with a reset, which the next write meets.
    const probe = (pauseMs: number) => {
      if (!response.headersSent) response.writeProcessing();
      timer = setTimeout(probe, pauseMs, Math.min(2 * pauseMs, maxProbePauseMs));
    };
    const onEnd = () => {
      if (request.httpVersionMinor > 0) probe(firstProbePauseMs); // HTTP/1.0 knows no interim answers
    };
    request.socket.once("end", onEnd);
    response.once("close", () => {
      clearTimeout(timer);
      request.socket.off("end", onEnd);
    });
  });
}

/** A client on this machine that has left is noticed after this, one further away after a round trip. */
const firstProbePauseMs = 20;
/** A client that is still there reads a line each time. */
const maxProbePauseMs = 1000;
