/**
 * Values by a JSON schema, for property tests of an API: mostly what the schema allows, sometimes beside it. Knows the part
 * of 2020-12 that our own documents use, and says so when it meets more.
 */
import fc from "fast-check";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

/** Longer lists only take longer. */
const mostItems = 3;
/** With many options at once there is always one that does not fit the others. */
const mostOptional = 3;

/** @param special values for a string's own name: random text is no picture. */
export function fromSchema(
  schema: Schema,
  special: Readonly<Record<string, readonly unknown[]>>,
): fc.Arbitrary<unknown> {
  const value = (own: Schema, name: string): fc.Arbitrary<unknown> => {
    const options = own.anyOf ?? own.oneOf;
    if (options) return fc.oneof(...options.map((option) => value(option, name)));
    if (own.enum) return fc.constantFrom(...own.enum);
    if (own.properties) return object(own);
    const types = typeof own.type === "string" ? [own.type] : (own.type ?? ["any"]);
    return fc.oneof(...types.map((type) => typed(type, own, name)));
  };
  const object = ({ properties = {}, required = [] }: Schema) => {
    const optional = Object.keys(properties).filter((name) => !required.includes(name));
    return fc
      .subarray(optional, { maxLength: Math.min(mostOptional, optional.length) })
      .chain((chosen) =>
        fc.record(Object.fromEntries([...required, ...chosen].map((name) => [name, value(properties[name]!, name)]))),
      );
  };
  const typed = (type: string, own: Schema, name: string): fc.Arbitrary<unknown> => {
    switch (type) {
      case "string":
        return text(own, name);
      case "integer":
      case "number":
        return number(type, own);
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      case "array":
        return list(own, name);
      case "object":
        return fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 });
      case "any":
        return fc.jsonValue({ maxDepth: 2 });
      default:
        throw new Error(`from-schema: expected a type it knows, found ${type}`);
    }
  };
  const text = ({ pattern, minLength = 0, maxLength = 20 }: Schema, name: string) => {
    const plain = pattern
      ? fc.stringMatching(new RegExp(pattern))
      : fc.string({ minLength, maxLength: Math.min(maxLength, 20), unit: "grapheme" });
    return special[name] ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...special[name]) }, plain) : plain;
  };
  const list = ({ items = {}, prefixItems, minItems = 0, maxItems = mostItems }: Schema, name: string) =>
    prefixItems
      ? fc.tuple(...prefixItems.map((item) => value(item, name)))
      : fc.array(value(items, name), { minLength: minItems, maxLength: Math.min(maxItems, mostItems) });
  return value(schema, "");
}

/** Small numbers that mean something, and now and then what no answer can have. */
function number(type: string, { minimum, exclusiveMinimum, maximum }: Schema): fc.Arbitrary<number> {
  const low = minimum ?? (exclusiveMinimum === undefined ? -2 : exclusiveMinimum + 1);
  const high = Math.min(maximum ?? 40, 40);
  const small = type === "integer" ? fc.integer({ min: low, max: high }) : fc.double({ min: low, max: 2, noNaN: true });
  return fc.oneof({ weight: 8, arbitrary: small }, fc.constantFrom(-1, 0, 1e9, 2 ** 53));
}

/** A value with one of its parts, at any depth, replaced by anything: what a broken client sends. */
export function damaged(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(value, fc.jsonValue({ maxDepth: 2 }), fc.infiniteStream(fc.nat(1000)))
    .map(([whole, wrong, choices]) => {
      const replace = (part: unknown): unknown => {
        const keys = typeof part === "object" && part !== null ? Object.keys(part) : [];
        const choice = choices.next().value as number;
        if (keys.length === 0 || choice < 200) return wrong;
        const chosen = keys[choice % keys.length]!;
        const changed = replace((part as Record<string, unknown>)[chosen]);
        return Array.isArray(part)
          ? part.map((item, i) => (String(i) === chosen ? changed : item))
          : { ...(part as object), [chosen]: changed };
      };
      return replace(whole);
    });
}
