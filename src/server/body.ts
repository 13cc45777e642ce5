/** A request's body, read within its bound. */
import type { z } from "zod";
import { OcellusError } from "../base/index.js";
import { ignoredHeader, parseBody, parseJson } from "../protocol/index.js";
import type { RequestContext } from "./exchange.js";
import type { Services } from "./services.js";

/** A JSON request by its schema; parameters that have no effect are named in the response's header. */
export async function readRequest<S extends z.ZodObject>(
  c: RequestContext,
  { config }: Services,
  schema: S,
  harmless: readonly string[] = [],
): Promise<z.output<S>> {
  const { value, ignored } = parseBody(schema, await readJson(c, config.maxBodyBytes), harmless);
  if (ignored.length > 0) c.header(ignoredHeader, ignored.join(", "));
  return value;
}

/**
 * The media type is asked for because a web page of another origin can send anything else without asking first.
 * @throws `invalid_request`, `too_large`.
 */
async function readJson(c: RequestContext, maxBytes: number): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/([\w.-]+\+)?json\b/i.test(type))
    throw new OcellusError("invalid_request", `the body: expected content-type application/json, found "${type}"`);
  return parseJson(new TextDecoder().decode(await readBody(c, maxBytes)));
}

async function readBody(c: RequestContext, maxBytes: number): Promise<Uint8Array> {
  checkBytes(Number(c.req.header("content-length") ?? 0), maxBytes);
  const chunks: Uint8Array[] = [];
  let numBytes = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    numBytes += chunk.length;
    checkBytes(numBytes, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, numBytes);
}

function checkBytes(numBytes: number, maxBytes: number): void {
  if (numBytes <= maxBytes) return;
  throw new OcellusError("too_large", `the body: at least ${numBytes} bytes, at most ${maxBytes} are read`, {
    details: { numBytes, maxBytes },
  });
}
