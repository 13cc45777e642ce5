/** The values that a JSON schema leaves to one place of an answer, where they are few: enums, booleans, small ranges. */
import { numberText } from "../base/index.js";
import type { SchemaObject } from "./keywords.js";
import { resolvePointer } from "./pointer.js";

/** More values than this are not looked at one by one. */
const maxValues = 4096;
const maxRange = 256;

/** Values of a list from one place to another. */
export interface ValueRange {
  readonly from: number;
  readonly to: number;
}

/** JSON texts of one character a byte, in their order: those that begin alike stand together, the shortest first. */
export class ValueList {
  readonly #texts: readonly string[];

  constructor(texts: Iterable<string>) {
    this.#texts = [...new Set(texts)].sort((a, b) => (a < b ? -1 : 1));
  }

  get all(): ValueRange {
    return { from: 0, to: this.#texts.length };
  }

  at(place: number): string {
    return this.#texts[place]!;
  }

  has(text: string): boolean {
    const place = this.#first(this.all, (each) => each >= text);
    return this.#texts[place] === text;
  }

  /** Of values that share their first `length` bytes: those that go on with `part`, or end with it. In steps of log(values). */
  narrowed(range: ValueRange, length: number, part: string, ended: boolean): ValueRange {
    const end = length + part.length;
    const from = this.#first(range, (each) => each.slice(length, end) >= part);
    const to = this.#first({ from, to: range.to }, (each) => each.slice(length, end) > part);
    if (!ended || from === to) return { from, to };
    return { from, to: this.#texts[from]!.length === end ? from + 1 : from };
  }

  #first({ from, to }: ValueRange, holds: (text: string) => boolean): number {
    while (from < to) {
      const middle = (from + to) >> 1;
      if (holds(this.#texts[middle]!)) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}

/** A place of answers: the schemas of which one holds there. */
interface Place {
  readonly schemas: readonly SchemaObject[];
  /** Names and indexes that one of them speaks of; all others lead to one place. */
  readonly named: ReadonlySet<string>;
  readonly inside: Map<string, Place>;
  readonly values: ValueList | undefined;
}

/** Looked up for each leaf of an answer; each place of the schema is read once. */
export class FewValues {
  readonly #schema: unknown;
  /** By the numbers that their schemas were given. */
  readonly #places = new Map<string, Place>();
  readonly #numbers = new Map<SchemaObject, number>();
  readonly #root: Place;

  constructor(schema: unknown) {
    this.#schema = schema;
    this.#root = this.#placeOf([schema]);
  }

  /** A superset of the values that may stand there; undefined where they are many. @param keys of the pointer */
  at(keys: readonly string[]): ValueList | undefined {
    let place = this.#root;
    for (const key of keys) place = this.#inside(place, key);
    return place.values;
  }

  #inside({ schemas, named, inside }: Place, key: string): Place {
    const name = named.has(key) ? `=${key}` : "other";
    const known = inside.get(name);
    if (known) return known;
    const place = this.#placeOf(schemas.map((each) => childOf(each, key)));
    inside.set(name, place);
    return place;
  }

  #placeOf(given: readonly unknown[]): Place {
    const schemas = alternatives(given, this.#schema);
    const name = schemas.map((each) => this.#numberOf(each)).join();
    const known = this.#places.get(name);
    if (known) return known;
    const named = new Set(schemas.flatMap(namesIn));
    const place = { schemas, named, inside: new Map(), values: listOf(schemas) };
    this.#places.set(name, place);
    return place;
  }

  #numberOf(schema: SchemaObject): number {
    const number = this.#numbers.get(schema) ?? this.#numbers.size;
    this.#numbers.set(schema, number);
    return number;
  }
}

function listOf(schemas: readonly SchemaObject[]): ValueList | undefined {
  const lists = schemas.map(valuesOf);
  if (lists.length === 0 || lists.some((list) => list === undefined)) return undefined;
  const values = new Set(lists.flatMap((list) => list!));
  return values.size <= maxValues ? new ValueList([...values].map(bytesOfText)) : undefined;
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

/** Whose child is another than that of names and indexes left out here. */
function namesIn(schema: SchemaObject): string[] {
  const { properties = {}, prefixItems = [] } = schema;
  const values = constantsOf(schema);
  if (values) return values.flatMap((value) => (isContainer(value) ? Object.keys(value) : []));
  return [...Object.keys(properties as object), ...Object.keys(prefixItems as object)];
}

function constantsOf(schema: SchemaObject): readonly unknown[] | undefined {
  const values = schema.const === undefined ? schema.enum : [schema.const];
  return Array.isArray(values) ? values : undefined;
}

function childOf(schema: SchemaObject, key: string): unknown {
  const { properties = {}, additionalProperties, prefixItems = [], items } = schema;
  const values = constantsOf(schema);
  if (values)
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
