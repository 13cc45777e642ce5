/**
 * A JSON schema whose leaves are each asked for with the place where they stand in the image, and the way back from such an answer:
 * {"price": 12} is asked for as {"price": {"value": 12, "bbox_2d": [x1, y1, x2, y2]}}, the form that families write boxes in.
 */
import { entriesOf, numberText, stringifyJson, withNotesOf } from "../base/index.js";
import { isOfType, type SchemaObject } from "./keywords.js";
import { escapePointer } from "./pointer.js";

const containers = ["properties", "items", "prefixItems", "additionalProperties"] as const;
const branches = ["anyOf", "oneOf", "allOf"] as const;
const definitions = ["$defs", "definitions"] as const;

/** @param most the largest coordinate that a family writes */
export function citedSchema(schema: unknown, most: number): unknown {
  return new Citing(most).schema(schema);
}

class Citing {
  readonly #box: object;

  constructor(most: number) {
    const side = { type: "integer", minimum: 0, maximum: most };
    this.#box = { type: "array", items: side, minItems: 4, maxItems: 4 };
  }

  schema(schema: unknown): unknown {
    if (schema === true) return this.#leaf({}, {}); // anything
    if (!isOfType(schema, "object")) return schema; // false: nothing
    const given = schema as SchemaObject;
    const own = withNotesOf(given, { ...given, ...this.#definitions(given) });
    if (given.$ref !== undefined) return own;
    const branch = branches.find((name) => Array.isArray(given[name]));
    if (branch) return { ...own, [branch]: (given[branch] as readonly unknown[]).map((each) => this.schema(each)) };
    if (given.enum === undefined && given.const === undefined && containers.some((name) => given[name] !== undefined))
      return { ...own, ...this.#inside(given) };
    return this.#leaf(own, given);
  }

  #leaf(own: SchemaObject, given: SchemaObject): unknown {
    const kept = Object.fromEntries(definitions.flatMap((name) => (given[name] ? [[name, own[name]]] : [])));
    const value = withNotesOf(given, Object.fromEntries(Object.entries(given).filter(([name]) => !(name in kept))));
    const properties = { value, bbox_2d: this.#box };
    return { ...kept, type: "object", properties, required: ["value", "bbox_2d"], additionalProperties: false };
  }

  #definitions(given: SchemaObject): SchemaObject {
    return Object.fromEntries(definitions.flatMap((name) => (given[name] ? [[name, this.#each(given[name])]] : [])));
  }

  /** What schema.ts takes for anything where it is left out is written, so that it has boxes too. */
  #inside(schema: SchemaObject): SchemaObject {
    const { properties, prefixItems, propertyNames, required = [] } = schema;
    const items = schema.items ?? (prefixItems === undefined ? undefined : true);
    const isOpen =
      propertyNames !== undefined || (required as string[]).some((name) => !Object.hasOwn(properties ?? {}, name));
    const additionalProperties = schema.additionalProperties ?? (isOpen ? true : undefined);
    return {
      ...(properties !== undefined && { properties: this.#each(properties) }),
      ...(items !== undefined && { items: this.schema(items) }),
      ...(Array.isArray(prefixItems) && { prefixItems: prefixItems.map((each) => this.schema(each)) }),
      ...(additionalProperties !== undefined && { additionalProperties: this.schema(additionalProperties) }),
    };
  }

  /** In the order that they were written in. */
  #each(schemas: unknown): unknown {
    const entries = entriesOf(schemas as object).map(([name, each]) => [name, this.schema(each)] as const);
    return withNotesOf(schemas as object, Object.fromEntries(entries));
  }
}

export interface Cited {
  /** The answer as JSON, with the digits that it was written with. */
  readonly text: string;
  /** By JSON pointer of the leaf in `text`: the numbers as they were written. */
  readonly boxes: readonly { readonly pointer: string; readonly numbers: readonly number[] }[];
}

/** The answer without its boxes, and these apart. */
export function withoutCitations(answer: unknown, pointer = ""): Cited {
  if (typeof answer !== "object" || answer === null) return { text: stringifyJson(answer), boxes: [] };
  const { value, bbox_2d: numbers } = answer as SchemaObject;
  if (Object.keys(answer).length === 2 && value !== undefined && isBox(numbers)) {
    const boxes = [{ pointer, numbers }];
    return { text: numberText(answer, "value") ?? stringifyJson(value), boxes };
  }
  const inside = entriesOf(answer).map(([name, each]) => {
    const found = withoutCitations(each, `${pointer}/${escapePointer(name)}`);
    return { name, boxes: found.boxes, text: numberText(answer, name) ?? found.text };
  });
  const boxes = inside.flatMap((each) => each.boxes);
  if (Array.isArray(answer)) return { text: `[${inside.map((each) => each.text).join(",")}]`, boxes };
  return { text: `{${inside.map((each) => `${JSON.stringify(each.name)}:${each.text}`).join(",")}}`, boxes };
}

/** No list of the schema's own is one: its numbers are each asked for with a box, and so objects. */
function isBox(numbers: unknown): numbers is number[] {
  return Array.isArray(numbers) && numbers.length === 4 && numbers.every((each) => Number.isFinite(each));
}

/** Where a place of the cited answer is in the answer without boxes; undefined for places of a box. */
export function uncitedPointer(pointer: string, cited: ReadonlySet<string>): string | undefined {
  for (let at = pointer.indexOf(valueStep); at >= 0; at = pointer.indexOf(valueStep, at + 1)) {
    const [leaf, inside] = [pointer.slice(0, at), pointer.slice(at + valueStep.length)];
    if (cited.has(leaf) && (inside === "" || inside.startsWith("/"))) return leaf + inside;
  }
  return undefined;
}

const valueStep = "/value";
