/** What a browser is told of every answer, and of pages: nothing is guessed, framed, or sent along. TLS is a proxy's matter. */
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/** Old browsers' headers, and one that only a server of https may send, stay away. */
export function securityHeaders(): MiddlewareHandler {
  const off = { strictTransportSecurity: false, xDownloadOptions: false, xXssProtection: false } as const;
  return secureHeaders({
    ...off,
    xFrameOptions: "DENY",
    xDnsPrefetchControl: false,
    xPermittedCrossDomainPolicies: false,
  });
}

const closed = ["object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];

/** Of the page: what a model writes must not be able to load or send anything, whatever it looks like. */
export const pagePolicy = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  ...closed,
].join("; ");

/** The same of a page that may run models itself: ONNX Runtime is WebAssembly, and starts workers. */
export const computingPagePolicy = [pagePolicy, "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self' blob:"].join(
  "; ",
);

/** Of a page without scripts, whose style is in it. */
export const plainPolicy = ["default-src 'none'", "style-src 'unsafe-inline'", ...closed].join("; ");
