/**
 * A request's JSON → a checked value. A parameter we do not know may change the answer a client expects, so it is refused
 * by name, wherever it stands, unless it is on the route's list of harmless ones: those are ignored, and the response says
 * so in a header. Paths of parts go without their numbers: `messages.content.image_url.detail`.
 */
import type { z } from "zod";
import {
  entriesOf,
  expectation,
  type JsonLimits,
  JsonProblem,
  nearestHint,
  numberText,
  OcellusError,
  parseJson,
  withNotesOf,
} from "../core/base/index.js";

import { explain } from "./explain.js";
import { withoutNulls } from "./given.js";

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
  const wanted = withoutNulls(schema, json) as object;
  const entries = Object.entries(wanted).filter(([, value]) => value !== null);
  const given = withNotesOf(
    json,
    Object.fromEntries(entries.map(([name, value]) => [name, exactInteger(wanted, name, value) ?? value])),
  );
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  for (const name of unknown) {
    if (harmless.includes(name)) continue;
    const hint = nearestHint(name, known) || "; remove it";
    throw refusal(name, `${name}: there is no such parameter here${hint}`);
  }
  const value = asWritten(given, parseValue(schema, given)) as z.output<S>;
  const inside = [...droppedInside(given, value, "", "")];
  for (const { name, place } of inside) {
    if (harmless.includes(name)) continue;
    throw refusal(place, `${place}: there is no such parameter here; remove it`);
  }
  return { value, ignored: [...unknown, ...new Set(inside.map(({ name }) => name))] };
}

/** A whole number that a double may not hold: seeds have 64 bits. */
function exactInteger(json: object, name: string, value: unknown): bigint | undefined {
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return undefined;
  const digits = numberText(json, name) ?? String(value);
  return /^-?\d{16,20}$/.test(digits) ? BigInt(digits) : undefined;
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

/** A schema makes copies with members in its own order: the same values in the order, and with the digits, of the request. */
function asWritten(given: unknown, read: unknown): unknown {
  if (given === read || !isObject(given) || !isObject(read)) return read;
  if (Array.isArray(read)) return read.map((item, i) => asWritten((given as unknown as readonly unknown[])[i], item));
  const written = entriesOf(given).filter(([key]) => Object.hasOwn(read, key));
  const members = written.map(([key, value]) => [key, asWritten(value, read[key])] as const);
  return withNotesOf(
    given,
    Object.fromEntries([...members, ...Object.entries(read).filter(([key]) => !Object.hasOwn(given, key))]),
  );
}

function below(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** @param name of the value, where it stands alone. @throws `invalid_request` naming the first wrong part in `details.param`. */
export function parseValue<S extends z.ZodType>(schema: S, value: unknown, name = ""): z.output<S> {
  const result = schema.safeParse(value, { error: expectation });
  if (result.success) return result.data;
  const { place, message } = explain(result.error, value);
  const param = [name, place].filter((part) => part !== "").join(".");
  throw refusal(param, param === "" ? message : `${param}: ${message}`);
}

export function refusal(param: string, message: string): OcellusError {
  return new OcellusError("invalid_request", message, { details: { param } });
}

/** Of a request's body, and of JSON inside it. */
const bodyLimits: JsonLimits = {
  maxDepth: 64, // a JSON schema may nest some levels; more is an attack on whoever walks it
  maxValues: 2 ** 17, // twice what 4096 messages of some parts have; a schema may have as many characters
  maxKeys: 2 ** 16, // 4096 messages have some ten names each; OpenAI's limit on all names of a schema is 120,000 characters
};

/** Of a body that may hold ids: those of the longest context, 262,144, and room. */
export const idBodyLimits: JsonLimits = { ...bodyLimits, maxValues: 2 ** 19 };

/**
 * @param param that holds the text; default: the text is the body.
 * @throws `invalid_request`: not JSON; `too_large`: beyond the bounds, which are counted while the text is read.
 */
export function parseBodyJson(text: string, param?: string, limits = bodyLimits): unknown {
  const [what, named] = param === undefined ? ["the body", {}] : [param, { param }];
  try {
    return parseJson(text, limits);
  } catch (cause) {
    if (!(cause instanceof JsonProblem)) throw cause;
    const details = { ...cause.details, ...named };
    if (cause.isTooLarge) throw new OcellusError("too_large", `${what}: ${cause.message}`, { cause, details });
    throw new OcellusError("invalid_request", `${what} is not JSON: ${cause.message}`, { cause, details });
  }
}
