/** The keywords of JSON Schema that are known here, and what each of them may hold. */
import { OcellusError } from "../base/index.js";
import { formatNames, formatPattern } from "./formats.js";

export type SchemaObject = Readonly<Record<string, unknown>>;

export const typeNames = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
export type TypeName = (typeof typeNames)[number];

/** Each of these says all that its schema says. */
export const standAlone = ["$ref", "const", "enum", "anyOf", "oneOf", "allOf"] as const;

/** Keywords that ask something of one type of value, and of no other. */
const byType = {
  object: ["properties", "required", "additionalProperties", "propertyNames"],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
} as const;

export const keywords: ReadonlySet<string> = new Set(["type", ...standAlone, ...Object.values(byType).flat()]);

/** These ask nothing of a value, by the standard; `discriminator` is OpenAPI's hint beside oneOf. */
export const annotations: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "example"],
  ...["deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "discriminator"],
]);

/** What `type` says; undefined when it is not there. */
export function typesOf({ type }: SchemaObject, path: string): readonly TypeName[] | undefined {
  if (type === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(type) ? type : [type];
  const unknown = list.find((name) => !(typeNames as readonly unknown[]).includes(name));
  if (unknown !== undefined || list.length === 0)
    throw malformed(
      `${path}/type`,
      `expected one or several of ${typeNames.join(", ")}, found ${JSON.stringify(type)}`,
      { expected: typeNames, found: type },
    );
  return list as readonly TypeName[];
}

/** The types that the other keywords speak of, where `type` is left out. */
export function impliedTypes(schema: SchemaObject): readonly TypeName[] {
  const names = Object.keys(byType) as (keyof typeof byType)[];
  return names.filter((name) => byType[name].some((keyword) => schema[keyword] !== undefined));
}

export function isOfType(value: unknown, type: TypeName): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** What may be said of the names of properties. */
export const nameKeywords: readonly string[] = ["type", "enum", "minLength", "maxLength", "pattern", "format"];

/** Two whole numbers, from 0 and to Infinity where they are left out. */
export function countLimits(schema: SchemaObject, path: string, least: string, most: string): [number, number] {
  const limit = (keyword: string, fallback: number) => {
    const value = numberAt(schema, path, keyword) ?? fallback;
    if (value >= 0 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)) return value;
    throw malformed(`${path}/${keyword}`, `expected a whole number from 0, found ${value}`, { least: 0, found: value });
  };
  const [min, max] = [limit(least, 0), limit(most, Number.POSITIVE_INFINITY)];
  if (min > max) throw malformed(path, `${least} ${min} is more than ${most} ${max}`, { [least]: min, [most]: max });
  return [min, max];
}

export function lengthLimits(schema: SchemaObject, path: string): [number, number] {
  return countLimits(schema, path, "minLength", "maxLength");
}

export function numberAt(schema: SchemaObject, path: string, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw malformed(`${path}/${keyword}`, `expected a number, found ${JSON.stringify(value)}`, {
    expected: "number",
    found: value,
  });
}

export function propertiesOf({ properties = {} }: SchemaObject, path: string): SchemaObject {
  if (isOfType(properties, "object")) return properties as SchemaObject;
  throw malformed(`${path}/properties`, `expected an object, found ${JSON.stringify(properties)?.slice(0, 60)}`, {
    expected: "object",
  });
}

export function requiredOf({ required = [] }: SchemaObject, path: string): readonly string[] {
  if (Array.isArray(required) && required.every((name) => typeof name === "string")) return [...new Set(required)];
  throw malformed(`${path}/required`, `expected a list of names, found ${JSON.stringify(required)?.slice(0, 60)}`, {
    expected: "list of names",
  });
}

/** What an error says to programs beside its place. */
type Details = Readonly<Record<string, unknown>>;

/** The pattern of `format`. A name that is not known is an annotation where a pattern is beside it, as zod writes them. */
export function formatSource({ format, pattern }: SchemaObject, path: string): string | undefined {
  if (format === undefined) return undefined;
  const source = typeof format === "string" ? formatPattern(format) : undefined;
  if (source === undefined && pattern === undefined)
    throw unsupported(path, "format", `is supported for ${formatNames.join(", ")}, found ${JSON.stringify(format)}`, {
      supported: formatNames,
      found: format,
    });
  return source;
}

export function unsupported(path: string, keyword: string, problem: string, details: Details = {}): OcellusError {
  return new OcellusError("unsupported", `JSON schema, ${path}: ${keyword} ${problem}`, {
    details: { path, keyword, ...details },
  });
}

export function malformed(path: string, problem: string, details: Details): OcellusError {
  return new OcellusError("invalid_request", `JSON schema, ${path}: ${problem}`, { details: { path, ...details } });
}
