/** A request's body, read within its bound and within what all bodies together may hold. */
import type { z } from "zod";
import { OcellusError, readBounded, throwIfAborted } from "../core/base/index.js";
import { parseBody, parseBodyJson } from "../protocol/index.js";
import { parseMultipart } from "./multipart.js";
import type { HonoContext } from "./request-context.js";

/** What a request is about, whatever else it asks for. */
const inputParams = ["messages", "prompt", "input", "entries", "document", "text"];

/** A JSON request by its schema; parameters that have no effect are named in the response's header. */
export async function readRequest<S extends z.ZodObject>(
  c: HonoContext,
  schema: S,
  harmless: readonly string[] = [],
  limits?: Parameters<typeof parseBodyJson>[2],
): Promise<z.output<S>> {
  expectType(c, /^application\/([\w.-]+\+)?json\b/i, "application/json");
  const json = parseBodyJson(new TextDecoder().decode(await readBody(c)), undefined, limits);
  const { value, ignored } = parseBody(schema, json, harmless);
  const { input } = c.get("context");
  input.param = inputParams.find((name) => name in schema.shape);
  input.ignored.push(...ignored);
  return value;
}

export async function readForm(c: HonoContext): Promise<FormData> {
  const type = expectType(c, /^multipart\/form-data\b/i, "multipart/form-data");
  const form = await parseMultipart(await readBody(c), type);
  if (!form) throw new OcellusError("invalid_request", "the body is not the form it says it is");
  return form;
}

function expectType(c: HonoContext, pattern: RegExp, name: string): string {
  const type = c.req.header("content-type") ?? "";
  if (pattern.test(type)) return type;
  throw new OcellusError("invalid_request", `the body: expected content-type ${name}, found "${type}"`);
}

async function readBody(c: HonoContext): Promise<Uint8Array<ArrayBuffer>> {
  const { caller, services } = c.get("context");
  const { config, budget } = services;
  return readBounded(arriving(c, config.bodyIdleMs), {
    what: "the body",
    maxBytes: config.maxBodyBytes,
    statedBytes: c.req.header("content-length"),
    onBytes: (numBytes) => budget.take(caller, numBytes),
  });
}

/** The body as it comes. @throws `timeout` when nothing comes for too long, `aborted`. */
async function* arriving(c: HonoContext, idleMs: number): AsyncGenerator<Uint8Array> {
  const { signal } = c.get("context");
  const reader = c.req.raw.body?.getReader();
  if (!reader) return;
  let isIdle = false;
  const stop = () => void reader.cancel().catch(() => {}); // what is being read then ends
  const timer = setTimeout(() => {
    isIdle = true;
    stop();
  }, idleMs);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      throwIfAborted(signal);
      const { done, value } = await reader.read();
      throwIfAborted(signal);
      if (isIdle) throw stalled(idleMs);
      if (done) return;
      timer.refresh();
      yield value;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function stalled(idleMs: number): OcellusError {
  return new OcellusError("timeout", `the body: nothing of it came for ${idleMs / 1000} seconds`, {
    details: { idleMs },
  });
}
