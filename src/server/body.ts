/** A request's body, read within its bound and within what all bodies together may hold. */
import type { z } from "zod";
import { OcellusError } from "../base/index.js";
import { ignoredHeader, parseBody, parseJson } from "../protocol/index.js";
import type { RequestContext } from "./exchange.js";
import type { Services } from "./services.js";

/** A JSON request by its schema; parameters that have no effect are named in the response's header. */
export async function readRequest<S extends z.ZodObject>(
  c: RequestContext,
  services: Services,
  schema: S,
  harmless: readonly string[] = [],
): Promise<z.output<S>> {
  expectType(c, /^application\/([\w.-]+\+)?json\b/i, "application/json");
  const json = parseJson(new TextDecoder().decode(await readBody(c, services)));
  const { value, ignored } = parseBody(schema, json, harmless);
  if (ignored.length > 0) c.header(ignoredHeader, ignored.join(", "));
  return value;
}

export async function readForm(c: RequestContext, services: Services): Promise<FormData> {
  const type = expectType(c, /^multipart\/form-data\b/i, "multipart/form-data");
  const body = await readBody(c, services);
  return new Response(body, { headers: { "content-type": type } }).formData().catch((cause: unknown) => {
    throw new OcellusError("invalid_request", "the body is not the form it says it is", { cause });
  });
}

function expectType(c: RequestContext, pattern: RegExp, name: string): string {
  const type = c.req.header("content-type") ?? "";
  if (pattern.test(type)) return type;
  throw new OcellusError("invalid_request", `the body: expected content-type ${name}, found "${type}"`);
}

async function readBody(c: RequestContext, { config, budget }: Services): Promise<Uint8Array<ArrayBuffer>> {
  checkBytes(Number(c.req.header("content-length") ?? 0), config.maxBodyBytes);
  const chunks: Uint8Array[] = [];
  let numBytes = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    numBytes += chunk.length;
    checkBytes(numBytes, config.maxBodyBytes);
    budget.take(c.get("exchange"), chunk.length);
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
