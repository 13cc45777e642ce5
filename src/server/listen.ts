/** The app on a port. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { ioError } from "../base/index.js";
import type { App } from "./exchange.js";

export interface Listening {
  readonly url: string;
  /** Takes no more connections; resolves when the open ones are closed: those whose clients do not read on, by us. */
  close(): Promise<void>;
}

/** @throws `io` when the port is taken or not allowed. */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<Listening> {
  const server = serve({ fetch: app.fetch, hostname: host, port }) as Server; // of HTTP/1.1, as no other was asked for
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve).once("error", (cause) => reject(ioError("listen on", `${host}:${port}`, cause)));
  });
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}`,
    close: () =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => server.closeAllConnections(), lastBytesMs);
        server.close((error) => {
          clearTimeout(timer);
          if (error) reject(error);
          else resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

/** For what was answered already to reach its clients. */
const lastBytesMs = 2000;
