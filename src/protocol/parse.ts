/**
 * A request's JSON → a checked value. A parameter we do not know may change the answer a client expects, so it is refused
 * by name, wherever it stands, unless it is on the route's list of harmless ones: those are ignored, and the response says
 * so in a header. Paths of parts go without their numbers: `messages.content.image_url.detail`.
 */
import type { z } from "zod";
import { nearestHint, OcellusError } from "../base/index.js";

/** Where a response names the parameters that were read and have no effect. */
export const ignoredHeader = "x-ocellus-ignored";

export interface Parsed<T> {
  readonly value: T;
  /** Harmless parameters that have no effect here. */
  readonly ignored: readonly string[];
}

/**
 * A null counts as not given, as in OpenAI's API.
 * @throws `invalid_request` with `details.param`.
 */
export function parseBody<S extends z.ZodObject>(
  schema: S,
  json: unknown,
  harmless: readonly string[] = [],
): Parsed<z.output<S>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new OcellusError("invalid_request", "the body: expected a JSON object");
  const given = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  for (const name of unknown) {
    if (harmless.includes(name)) continue;
    const hint = nearestHint(name, known) || "; remove it";
    throw refusal(name, `${name}: there is no such parameter here${hint}`);
  }
  const value = parseValue(schema, given);
  const inside = [...droppedInside(given, value, "", "")];
  for (const { name, place } of inside) {
    if (harmless.includes(name)) continue;
    throw refusal(place, `${place}: there is no such parameter here; remove it`);
  }
  return { value, ignored: [...unknown, ...new Set(inside.map(({ name }) => name))] };
}

interface Dropped {
  /** With the numbers of parts, to find it; and without, to know it. */
  readonly place: string;
  readonly name: string;
}

/** What stands inside the parameters and was not read: a schema keeps of an object what it knows. */
function* droppedInside(given: unknown, read: unknown, place: string, name: string): Generator<Dropped> {
  if (!isObject(given) || !isObject(read)) return;
  for (const [key, part] of Object.entries(given)) {
    const found = { place: below(place, key), name: Array.isArray(given) ? name : below(name, key) };
    if (Object.hasOwn(read, key)) yield* droppedInside(part, read[key], found.place, found.name);
    else if (part !== null && place !== "") yield found;
  }
}

function below(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** @throws `invalid_request` naming the first wrong part in `details.param`. */
export function parseValue<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = deepest(result.error.issues[0]!);
  const param = path.map(String).join(".");
  throw refusal(param, param === "" ? message : `${param}: ${message}`);
}

/** Of a union, the branch that came furthest says most. */
function deepest(issue: z.core.$ZodIssue): { path: readonly PropertyKey[]; message: string } {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap((issues) => issues.slice(0, 1))
    .map(deepest)
    .sort((a, b) => b.path.length - a.path.length)[0];
  return inner && inner.path.length > 0 ? { path: [...issue.path, ...inner.path], message: inner.message } : issue;
}

export function refusal(param: string, message: string): OcellusError {
  return new OcellusError("invalid_request", message, { details: { param } });
}

/** A JSON schema inside a request may nest some levels; more is an attack on whoever walks it. */
const maxDepth = 64;

/** @throws `invalid_request`: not JSON, or nested too deeply. */
export function parseJson(text: string, what = "the body"): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 160) : "";
    throw new OcellusError("invalid_request", `${what} is not JSON: ${reason}`, { cause });
  }
  checkDepth(json, 0, what);
  return json;
}

function checkDepth(json: unknown, depth: number, what: string): void {
  if (typeof json !== "object" || json === null) return;
  if (depth >= maxDepth)
    throw new OcellusError("invalid_request", `${what}: expected at most ${maxDepth} levels of nesting`);
  for (const value of Object.values(json)) checkDepth(value, depth + 1, what);
}
