/**
 * The file of `ocellus serve --backends`: which engines answer for which model, and how they are chosen, watched and given up. A
 * mistake in it is reported with its line. docs/backends.schema.json is printed from here.
 *
 *   {"models": {"qwen": {"backends": [{"name": "gpu-0", "url": "http://10.0.0.5:8000", "model": "Qwen/Qwen3-VL-8B-Instruct",
 *                                      "kind": "vllm"}]}}}
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import {
  fieldExpectation,
  fileLimits,
  ioError,
  lineOf,
  lineOfProblem,
  OcellusError,
  parseJson,
} from "../core/base/index.js";
import { defaultCircuit } from "./circuit.js";
import { defaultOutliers } from "./outliers.js";
import { defaultProbes } from "./probe-record.js";
import { defaultRouting } from "./routing.js";

const name = z.string().regex(/^[\w.:/-]{1,200}$/, "expected 1 to 200 letters, digits, _ . : / or -");
const variable = z.string().regex(/^[A-Za-z_]\w{0,99}$/, "expected the name of an environment variable");
const count = z.number().int().min(1);
/** An hour: longer than any answer, and far from the 24 days that a timer can count. */
const ms = count.max(3_600_000);

const backendSchema = z.strictObject({
  name: name.describe("unique within the model, and the same in every gateway: requests are routed by it"),
  url: z
    .string()
    .max(2048)
    .refine(isBaseUrl, "expected http(s)://HOST[:PORT][/PATH], without user, query or fragment")
    .describe("base URL of the engine, without /v1"),
  kind: z
    .enum(["openai", "vllm", "sglang", "llama-server", "ocellus"])
    .default("openai")
    .describe("what the engine is"),
  model: name.describe("the model's name there"),
  weight: z
    .number()
    .min(0.001)
    .max(1000)
    .default(1)
    .describe("share of the requests, beside the other backends' weights"),
  maxConcurrent: count
    .max(100_000)
    .default(64)
    .describe("most requests that run there at once; further ones wait here"),
  apiKeyEnv: variable.optional().describe("environment variable with the engine's API key"),
});
export type BackendConfig = z.infer<typeof backendSchema>;

const modelSchema = z.strictObject({ backends: z.array(backendSchema).min(1).max(2000).superRefine(checkNames) });

const routingSchema = z.strictObject({
  by: z
    .enum(["images", "load"])
    .default("images")
    .describe(
      "images: the same images, or the same beginning of a text, go to the same backend as long as its load allows; load: the backend with the least requests for its weight",
    ),
  boundedLoad: z
    .number()
    .min(1)
    .max(100)
    .default(defaultRouting.boundedLoad)
    .describe("most load of a backend, as a multiple of its share"),
  freeLoad: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(defaultRouting.freeLoad)
    .describe("requests that a backend takes before boundedLoad counts"),
});

const timeoutsSchema = z.strictObject({
  connectMs: ms.default(5000).describe("name, connection and TLS"),
  headersMs: ms.default(300_000).describe("from there to the status"),
  firstTokenMs: ms.default(300_000).describe("from the status to the first token"),
  betweenTokensMs: ms.default(60_000).describe("from one token to the next"),
});

export type Timeouts = z.infer<typeof timeoutsSchema>;

const retriesSchema = z.strictObject({
  attempts: count.max(10).default(3).describe("backends that one request is sent to at most, before its first token"),
  share: z.number().min(0).max(1).default(0.2).describe("retries and hedges, as a share of all requests"),
});

const healthSchema = z.strictObject({
  intervalMs: ms.default(5000).describe("time between probes"),
  timeoutMs: ms.default(3000).describe("time limit of one probe"),
  failures: count.max(100).default(defaultProbes.failures).describe("failed probes in a row that take a backend out"),
  successes: count.max(100).default(defaultProbes.successes).describe("probes in a row that bring it back"),
});

const circuitSchema = z.strictObject({
  failures: count.max(1000).default(defaultCircuit.failures).describe("failed requests in a row that open the circuit"),
  successes: count.max(1000).default(defaultCircuit.successes).describe("trials in a row that close it"),
  openMs: ms.default(defaultCircuit.openMs).describe("time that it is open at first; doubled by each failed trial"),
  maxOpenMs: ms.default(defaultCircuit.maxOpenMs),
});

const outliersSchema = z.strictObject({
  intervalMs: ms.default(10_000).describe("time between two comparisons of the backends"),
  minRequests: count
    .max(100_000)
    .default(defaultOutliers.minRequests)
    .describe("requests without which a backend is not compared"),
  deviations: z
    .number()
    .min(1)
    .max(100)
    .default(defaultOutliers.deviations)
    .describe("failures beyond the others' share, in standard errors"),
  excessShare: z
    .number()
    .min(0)
    .max(1)
    .default(defaultOutliers.excessShare)
    .describe("and at least so much more of its requests"),
  ejectMs: ms.default(defaultOutliers.ejectMs).describe("time without requests; each further time as much longer"),
  maxEjectMs: ms.default(defaultOutliers.maxEjectMs),
  maxEjectedShare: z
    .number()
    .min(0)
    .max(1)
    .default(defaultOutliers.maxEjectedShare)
    .describe("most of a model's backends that may be ejected at once"),
});

const queueSchema = z.strictObject({
  maxWaiting: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(256)
    .describe("requests that may wait for a place at a backend; further ones get 429"),
  maxWaitMs: ms.default(30_000).describe("time that a request waits for a place; then it gets 429"),
});

export const backendsFileSchema = z.strictObject({
  $schema: z.string().max(2048).optional(),
  models: z.record(name, modelSchema).describe("by the names that clients ask for"),
  routing: routingSchema.prefault({}),
  timeouts: timeoutsSchema.prefault({}),
  retries: retriesSchema.prefault({}),
  hedgeAfterMs: ms
    .optional()
    .describe("time without a first token after which a second backend is asked too (default: never)"),
  health: healthSchema.prefault({}),
  circuit: circuitSchema.prefault({}),
  outliers: outliersSchema.prefault({}),
  queue: queueSchema.prefault({}),
  drainMs: ms.default(300_000).describe("time for the requests of a backend that has left this file"),
});
export type BackendsFile = z.infer<typeof backendsFileSchema>;

/** Two thousand backends with every field are half a megabyte. */
const maxBytes = 4 * 2 ** 20;

/** @throws `not_found`, `io`, as `parseBackends` */
export async function readBackends(path: string): Promise<BackendsFile> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw ioError("read the backends", path, cause);
  });
  return parseBackends(text, path);
}

/** @throws `invalid_config` with `details.line` and `details.field` */
export function parseBackends(text: string, path: string): BackendsFile {
  if (text.length > maxBytes)
    throw new OcellusError("invalid_config", `${path}: expected at most ${maxBytes} characters`, {
      details: { path, limit: maxBytes },
    });
  const result = backendsFileSchema.safeParse(parsedJson(text, path), { error: fieldExpectation });
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const place = [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])];
  const [line, field] = [lineOf(text, place), place.map(String).join(".")];
  throw new OcellusError("invalid_config", `${path}:${line}: ${field || "the backends"}: ${issue.message}`, {
    details: { path, line, field },
  });
}

function parsedJson(text: string, path: string): unknown {
  try {
    return parseJson(text, fileLimits);
  } catch (cause) {
    const line = lineOfProblem(text, cause);
    throw new OcellusError("invalid_config", `${path}:${line}: expected JSON: ${(cause as Error).message}`, {
      details: { path, line, expected: "JSON" },
      cause,
    });
  }
}

function checkNames(backends: readonly BackendConfig[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [i, each] of backends.entries()) {
    if (seen.has(each.name))
      context.addIssue({ code: "custom", path: [i, "name"], message: `${each.name} is the name of two backends` });
    seen.add(each.name);
  }
}

function isBaseUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");
}
