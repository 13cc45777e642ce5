/**
 * A JSON schema as it holds after a redaction: what a client can hold answers to that a guard may cut numbers and parts
 * of strings out of. A number may also be null, or the string that is in its place; a string that is limited to less than any
 * string may also be one with a replacement in it. Nothing else changes, so whatever satisfies the schema satisfies this one.
 */
import { entriesOf, withNotesOf } from "../core/base/index.js";
import { checkSchema, resolvePointer, type SchemaObject, typesOf } from "../core/grammar/index.js";

/** What a rule writes in the place of what it cuts out. */
export interface Redaction {
  /** Absent: an asterisk for each character. */
  readonly replacement?: string | undefined;
  /** Whether a pseudonym is there, or the value that one stood for. */
  readonly pseudonym?: boolean | undefined;
  /** What a number becomes. Default: null. */
  readonly jsonNumber?: "null" | "string" | undefined;
}

/** @throws as `checkSchema`; the schema that comes back satisfies it too. */
export function redactedSchema(schema: unknown, redactions: readonly Redaction[]): unknown {
  checkSchema(schema);
  return redactions.length === 0 ? schema : new Redacted(schema, redactions).whole();
}

type Schema = Record<string, unknown>;

class Redacted {
  readonly #root: unknown;
  /** What a number may be instead. */
  readonly #numbers: readonly Schema[];
  /** What a string may be instead. */
  readonly #strings: readonly Schema[];
  /** By pointer: a place in the schema has another one here. */
  readonly #names = new Map<string, string>();
  readonly #definitions: Record<string, unknown> = {};

  constructor(root: unknown, redactions: readonly Redaction[]) {
    this.#root = root;
    this.#numbers = redactions.map(({ replacement, pseudonym, jsonNumber }) => {
      if (jsonNumber !== "string") return { type: "null" };
      if (pseudonym) return { type: "string" };
      return replacement === undefined ? { type: "string", pattern: "^\\*+$" } : { const: replacement };
    });
    this.#strings = redactions.map(({ replacement = "*", pseudonym }) =>
      pseudonym || replacement === "" ? { type: "string" } : { type: "string", pattern: literally(replacement) },
    );
  }

  whole(): unknown {
    const schema = this.#value(this.#root);
    if (this.#names.size === 0 || typeof schema !== "object") return schema;
    return { ...schema, $defs: this.#definitions };
  }

  #value(schema: unknown): unknown {
    if (typeof schema !== "object" || schema === null) return schema;
    const { $defs: _, definitions: __, ...own } = schema as SchemaObject;
    if (typeof own.$ref === "string") return { ...own, $ref: this.#reference(own.$ref) };
    if (own.const !== undefined) return this.#either(schema, this.#insteadOf([own.const]));
    if (Array.isArray(own.enum)) return this.#either(schema, this.#insteadOf(own.enum));
    const { oneOf, ...rest } = own; // values that are null in one branch are null in all
    const inner = oneOf === undefined ? this.#inner(own) : this.#inner({ ...rest, anyOf: oneOf });
    const { anyOf, allOf } = inner;
    return anyOf === undefined && allOf === undefined ? this.#either(inner, this.#insteadOfTypes(own)) : inner;
  }

  /** The schemas within a schema. */
  #inner(schema: SchemaObject): Schema {
    const inner: Schema = { ...schema };
    const change = (keyword: string, to: (given: unknown) => unknown) => {
      if (schema[keyword] !== undefined) inner[keyword] = to(schema[keyword]);
    };
    for (const keyword of ["items", "additionalProperties"]) change(keyword, (given) => this.#value(given));
    for (const keyword of ["anyOf", "allOf", "prefixItems"])
      change(keyword, (given) => (given as unknown[]).map((each) => this.#value(each)));
    change("properties", (given) =>
      withNotesOf(
        given as object,
        Object.fromEntries(entriesOf(given as object).map(([name, each]) => [name, this.#value(each)])),
      ),
    );
    change("propertyNames", (given) => ((given as SchemaObject).enum === undefined ? {} : given)); // listed names are not cut
    return inner;
  }

  #insteadOfTypes(schema: SchemaObject): Schema[] {
    const types = typesOf(schema, "#");
    const has = (...names: readonly string[]) => types === undefined || types.some((type) => names.includes(type));
    const isLimited = ["minLength", "maxLength", "pattern", "format"].some((keyword) => schema[keyword] !== undefined);
    const takesAnyString = has("string") && !isLimited;
    const isNew = ({ type }: Schema) => (type === "null" ? !has("null") : !takesAnyString);
    return [
      ...(has("number", "integer") ? this.#numbers.filter(isNew) : []),
      ...(has("string") && isLimited ? this.#strings : []),
    ];
  }

  /** Of values that are listed, those that differ only where something was cut out. */
  #insteadOf(values: readonly unknown[]): Schema[] {
    return values.flatMap((value): Schema[] => {
      if (typeof value === "number") return [...this.#numbers];
      if (typeof value === "string") return [...this.#strings];
      return typeof value === "object" && value !== null && hasWords(value) ? [this.#like(value)] : [];
    });
  }

  #like(value: unknown): Schema {
    if (typeof value === "number") return this.#either({ type: "number" }, this.#numbers);
    if (typeof value !== "object" || value === null || !hasWords(value))
      return this.#either({ const: value }, this.#insteadOf([value]));
    if (Array.isArray(value)) {
      const length = value.length;
      const prefixItems = value.map((item) => this.#like(item));
      return { type: "array", prefixItems, items: false, minItems: length, maxItems: length };
    }
    const members = entriesOf(value);
    const properties = Object.fromEntries(members.map(([name, item]) => [name, this.#like(item)]));
    const required = members.map(([name]) => name);
    return { type: "object", properties, required, additionalProperties: false };
  }

  #either(schema: object, others: readonly Schema[]): Schema {
    const distinct = [...new Map(others.map((other) => [JSON.stringify(other), other])).values()];
    if (distinct.length === 0) return schema as Schema;
    const { type, ...rest } = schema as Schema;
    const isOnlyNull = distinct.length === 1 && distinct[0]!.type === "null";
    if (isOnlyNull && type !== undefined && !("enum" in rest) && !("const" in rest))
      return { type: [type, "null"].flat(), ...rest };
    return { anyOf: [schema, ...distinct] };
  }

  /** Places move when schemas are put into others, so what is pointed to is in $defs. */
  #reference(pointer: string): string {
    if (!this.#names.has(pointer)) {
      const last = pointer.slice(pointer.lastIndexOf("/") + 1).replace(/[^\w-]/g, "_");
      const name = [...this.#names.values()].includes(last) ? `${last}-${this.#names.size}` : last;
      this.#names.set(pointer, name);
      this.#definitions[name] = this.#value(resolvePointer(this.#root, pointer));
    }
    return `#/$defs/${this.#names.get(pointer)}`;
  }
}

/** Whether there is a string or number in it that may be cut. */
function hasWords(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(hasWords);
  return typeof value === "string" || typeof value === "number";
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
