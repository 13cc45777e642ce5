/**
 * oneOf asks that exactly one branch holds, which no one can keep while writing; but where no value can satisfy two
 * branches it is anyOf. That is shown here for branches of different types, for different constants, and for objects with
 * a required property whose constants differ (a discriminator).
 */
import { canonicalMember } from "./canonical.js";
import { impliedTypes, isOfType, type SchemaObject, type TypeName, typeNames } from "./keywords.js";

type Resolve = (pointer: string) => unknown;

/** The numbers of two branches that may share a value; undefined when none do. */
export function overlap(branches: readonly unknown[], resolve: Resolve): [number, number] | undefined {
  const resolved = branches.map((branch) => target(branch, resolve));
  for (let i = 0; i < resolved.length; i++)
    for (let j = 0; j < i; j++) if (!areDisjoint(resolved[i]!, resolved[j]!, resolve)) return [j, i];
  return undefined;
}

/** Follows $ref; what cannot be followed says nothing. */
function target(schema: unknown, resolve: Resolve): SchemaObject {
  let at = schema;
  for (let steps = 0; steps < 32 && isOfType(at, "object"); steps++) {
    const { $ref } = at as SchemaObject;
    if (typeof $ref !== "string") return at as SchemaObject;
    at = resolve($ref);
  }
  return {};
}

function areDisjoint(a: SchemaObject, b: SchemaObject, resolve: Resolve): boolean {
  const [constantsA, constantsB] = [constants(a), constants(b)];
  if (constantsA && constantsB) return !constantsA.some((value) => constantsB.includes(value));
  const typesB = types(b);
  if (!types(a).some((type) => typesB.includes(type))) return true;
  if (!isObjects(a) || !isObjects(b)) return false;
  return sharedRequired(a, b).some((name) => {
    const [left, right] = [a, b].map((schema) => constants(target((schema.properties as SchemaObject)[name], resolve)));
    return left && right && !left.some((value) => right.includes(value));
  });
}

/** Values that a schema lists, as text. */
function constants(schema: SchemaObject): readonly string[] | undefined {
  if ("const" in schema) return [canonicalMember(schema, "const")];
  const { enum: list } = schema;
  return Array.isArray(list) ? Object.keys(list).map((key) => canonicalMember(list, key)) : undefined;
}

/** Types that values may have; whole numbers are numbers. */
function types(schema: SchemaObject): readonly TypeName[] {
  const values = "const" in schema ? [schema.const] : schema.enum;
  const listed = Array.isArray(values)
    ? typeNames.filter((type) => values.some((value) => isOfType(value, type)))
    : typeNames.filter((type) => schema.type === undefined || [schema.type].flat().includes(type));
  return listed.map((type) => (type === "integer" ? "number" : type));
}

/** Whether only objects are written for it. */
function isObjects(schema: SchemaObject): boolean {
  const written = schema.type === undefined ? impliedTypes(schema) : [schema.type].flat();
  return written.length === 1 && written[0] === "object";
}

function sharedRequired(a: SchemaObject, b: SchemaObject): string[] {
  const required = (schema: SchemaObject): unknown[] => (Array.isArray(schema.required) ? schema.required : []);
  const isProperty = (schema: SchemaObject, name: string) =>
    isOfType(schema.properties, "object") && Object.hasOwn(schema.properties as object, name);
  return required(a).filter(
    (name): name is string =>
      typeof name === "string" && required(b).includes(name) && isProperty(a, name) && isProperty(b, name),
  );
}
