/** A static server: ranges, and the headers without which browsers give WebAssembly no threads. */
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";

export const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
} as const;

export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

interface Serving {
  /** Default: those of `isolation`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of each request; its answer waits for that. */
  readonly before?: (path: string) => Promise<void> | void;
}

/** @param port 0: any that is free. */
export async function serveFolder(
  folder: string,
  port = 0,
  { headers = isolation, before }: Serving = {},
): Promise<StaticServer> {
  const app = new Hono();
  app.use(async (context, next) => {
    await before?.(context.req.path);
    for (const [name, value] of Object.entries(headers)) context.header(name, value);
    await next();
  });
  app.use(serveStatic({ root: folder }));
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (info: AddressInfo) =>
      resolve({
        url: `http://127.0.0.1:${info.port}/`,
        close: () => new Promise<void>((closed) => void server.close(() => closed())),
      }),
    );
    server.once("error", reject);
  });
}
