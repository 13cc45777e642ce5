/** The app on a port. */
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { ioError } from "../base/index.js";
import type { App } from "./exchange.js";

export interface Listening {
  readonly url: string;
  /** Takes no more connections; resolves when the open ones are closed. */
  close(): Promise<void>;
}

/** @throws `io` when the port is taken or not allowed. */
export async function listen(app: App, { host, port }: { host: string; port: number }): Promise<Listening> {
  const server = serve({ fetch: app.fetch, hostname: host, port });
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve).once("error", (cause) => reject(ioError("listen on", `${host}:${port}`, cause)));
  });
  const { port: actual } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${actual}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        if ("closeIdleConnections" in server) server.closeIdleConnections();
      }),
  };
}
