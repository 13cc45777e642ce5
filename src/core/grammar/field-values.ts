/** The values that a JSON schema leaves to one place of an answer, where they are few: enums, booleans, small ranges. */
import { numberText } from "../base/index.js";
import type { SchemaObject } from "./keywords.js";
import { resolvePointer } from "./pointer.js";

/** More values than this are not looked at one by one. */
const maxValues = 4096;
const maxRange = 256;
/** References that follow each other without a value between them. */
const maxReferences = 64;

/** JSON texts of all values, a superset of what may stand there; undefined where they are many. @param keys of the pointer */
export function fewValues(schema: unknown, keys: readonly string[]): readonly string[] | undefined {
  let places = alternatives(schema, schema);
  for (const key of keys) places = places.flatMap((place) => alternatives(childOf(place, key), schema));
  const lists = places.map(valuesOf);
  if (lists.length === 0 || lists.some((list) => list === undefined)) return undefined;
  const values = [...new Set(lists.flatMap((list) => list!))];
  return values.length <= maxValues ? values : undefined;
}

/** The schemas of which one holds. */
function alternatives(schema: unknown, root: unknown, references = 0): readonly SchemaObject[] {
  if (typeof schema !== "object" || schema === null || references > maxReferences) return [{}];
  const { $ref, anyOf, oneOf, allOf } = schema as SchemaObject;
  const of = (each: unknown) => alternatives(each, root, references + 1);
  if (typeof $ref === "string") return of(resolvePointer(root, $ref));
  const branches = anyOf ?? oneOf ?? (Array.isArray(allOf) && allOf.length === 1 ? allOf : undefined);
  return Array.isArray(branches) ? branches.flatMap(of) : [schema as SchemaObject];
}

function childOf(schema: SchemaObject, key: string): unknown {
  const { properties = {}, additionalProperties, prefixItems = [], items } = schema;
  const values = schema.const === undefined ? schema.enum : [schema.const];
  if (Array.isArray(values))
    return { enum: values.flatMap((value) => (isContainer(value) && Object.hasOwn(value, key) ? [value[key]] : [])) };
  if (Object.hasOwn(properties as object, key)) return (properties as SchemaObject)[key];
  return (prefixItems as readonly unknown[])[Number(key)] ?? items ?? additionalProperties;
}

function valuesOf(schema: SchemaObject): readonly string[] | undefined {
  if (schema.const !== undefined) return textsOf(schema, ["const"]);
  if (Array.isArray(schema.enum)) return textsOf(schema.enum, schema.enum.keys());
  const types: readonly unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const lists = types.map((type) => valuesOfType(type, schema));
  return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list!);
}

function valuesOfType(type: unknown, schema: SchemaObject): readonly string[] | undefined {
  if (type === "boolean") return ["true", "false"];
  if (type === "null") return ["null"];
  return type === "integer" ? rangeOf(schema as Readonly<Record<string, number | undefined>>) : undefined;
}

function rangeOf(schema: Readonly<Record<string, number | undefined>>): readonly string[] | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const least = Math.ceil(Math.max(minimum ?? -Infinity, (exclusiveMinimum ?? -Infinity) + 1));
  const most = Math.floor(Math.min(maximum ?? Infinity, (exclusiveMaximum ?? Infinity) - 1));
  if (!(most - least < maxRange)) return undefined;
  return Array.from({ length: Math.max(0, most - least + 1) }, (_, i) => String(least + i));
}

/** Of the values that are no lists and objects, spelled as answers spell them. */
function textsOf(container: object, keys: Iterable<string | number>): string[] {
  return [...keys].flatMap((key) => {
    const value = (container as Readonly<Record<string, unknown>>)[key];
    return isContainer(value) ? [] : [numberText(container, key) ?? JSON.stringify(value)];
  });
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
