/** The values that a JSON schema leaves to one place of an answer, where they are few: enums, booleans, small ranges. */
import { numberText } from "../base/index.js";
import type { SchemaObject } from "./keywords.js";
import { resolvePointer } from "./pointer.js";

/** More values than this are not looked at one by one. */
const maxValues = 4096;
const maxRange = 256;

/** Looked up for each leaf of an answer; leaves of one place in the schema share their list. */
export class FewValues {
  readonly #schema: unknown;
  /** Of the schemas of one place, by the numbers that these were given. */
  readonly #lists = new Map<string, readonly string[] | undefined>();
  readonly #numbers = new Map<SchemaObject, number>();

  constructor(schema: unknown) {
    this.#schema = schema;
  }

  /**
   * JSON texts of all values, one character a byte: a superset of what may stand there; undefined where they are many.
   * @param keys of the pointer
   */
  at(keys: readonly string[]): readonly string[] | undefined {
    let places = alternatives([this.#schema], this.#schema);
    for (const key of keys)
      places = alternatives(
        places.map((place) => childOf(place, key)),
        this.#schema,
      );
    const name = places.map((place) => this.#numberOf(place)).join();
    if (!this.#lists.has(name)) this.#lists.set(name, listOf(places));
    return this.#lists.get(name);
  }

  #numberOf(place: SchemaObject): number {
    const number = this.#numbers.get(place) ?? this.#numbers.size;
    this.#numbers.set(place, number);
    return number;
  }
}

function listOf(places: readonly SchemaObject[]): readonly string[] | undefined {
  const lists = places.map(valuesOf);
  if (lists.length === 0 || lists.some((list) => list === undefined)) return undefined;
  const values = [...new Set(lists.flatMap((list) => list!))];
  return values.length <= maxValues ? values.map(bytesOfText) : undefined;
}

function bytesOfText(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** Of a place that says nothing of its values. */
const unspecified: SchemaObject = {};

/** The schemas of which one holds: each once, however many references lead to it. */
function alternatives(schemas: readonly unknown[], root: unknown): readonly SchemaObject[] {
  const found = new Set<SchemaObject>();
  const seen = new Set<unknown>();
  const waiting = [...schemas];
  while (waiting.length > 0) {
    const schema = waiting.pop();
    if (seen.has(schema)) continue;
    seen.add(schema);
    const { $ref, anyOf, oneOf, allOf } = (isContainer(schema) ? schema : unspecified) as SchemaObject;
    const branches = anyOf ?? oneOf ?? (Array.isArray(allOf) && allOf.length === 1 ? allOf : undefined);
    if (typeof $ref === "string") waiting.push(resolvePointer(root, $ref));
    else if (Array.isArray(branches)) for (const branch of branches) waiting.push(branch);
    else found.add(isContainer(schema) ? schema : unspecified);
  }
  return [...found];
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
