/**
 * Whether a finished answer fits a pattern or a JSON schema. The patterns and schemas are those that answers can be held to
 * while they are written (pattern.ts, schema.ts), but here values are looked at: layout and the order of properties do not
 * matter, and a property that a schema does not name is allowed unless it forbids them. Patterns run as automata, within
 * the bound of all grammars: none takes long, whatever the answer is.
 */
import { type JsonLimits, numberText, OcellusError, parseJson } from "../base/index.js";
import { canonical, canonicalMember } from "./canonical.js";
import { Derivatives } from "./derivative.js";
import { Expressions } from "./expression.js";
import { checkSatisfiable } from "./grammar.js";
import { JsonText } from "./json.js";
import { formatSource, isOfType, type SchemaObject, typesOf } from "./keywords.js";
import { patternText } from "./pattern.js";
import { resolvePointer } from "./pointer.js";
import { schemaText } from "./schema.js";

/** @throws `unsupported`, `too_large`, saying what cannot be done. */
export function checkPattern(source: string): void {
  automatonOf(source);
}

/** As `patternMatcher`, for one text. */
export function fitsPattern(text: string, source: string): boolean {
  return patternMatcher(source)(text);
}

/**
 * Whether the pattern (ECMAScript, flag u) is found in a text.
 * @throws as `checkPattern`; what it returns: `too_large` when the pattern leaves too many readings of this text open
 */
export function patternMatcher(source: string): (text: string) => boolean {
  const { derivatives, start } = automatonOf(source);
  return (text) => {
    derivatives.begin();
    const bytes = new TextEncoder().encode(JSON.stringify(text).slice(1, -1));
    let state = start;
    for (const byte of bytes) state = derivatives.derive(state, derivatives.classOf[byte]!);
    return state.isNullable;
  };
}

function automatonOf(source: string) {
  const derivatives = new Derivatives(new Expressions());
  const refuse = (problem: string, construct: string): never => {
    throw new OcellusError("unsupported", `the pattern ${JSON.stringify(source)} ${problem}`, {
      details: { pattern: source, construct },
    });
  };
  return { derivatives, start: patternText(derivatives, source, refuse) };
}

/** @throws `unsupported` and `invalid_request`, both naming the keyword and its place; `too_large`. */
export function checkSchema(schema: unknown): void {
  const of = new Expressions();
  checkSatisfiable(of, schemaText(new JsonText(new Derivatives(of), undefined), schema));
}

/** Of an answer; no model writes as much. */
const answerLimits: JsonLimits = { maxDepth: 256, maxValues: 2 ** 20, maxKeys: 2 ** 20 };

/**
 * Whether a text is JSON that satisfies the schema, which `checkSchema` has accepted.
 * @throws JsonProblem for what is no JSON; `too_large` as `fitsPattern`
 */
export function satisfiesSchema(text: string, schema: unknown): boolean {
  return fitsSchema(parseJson(text, answerLimits), schema, schema, text.trim());
}

/** @param digits of a number, as it was written */
function fitsSchema(value: unknown, schema: unknown, root: unknown, digits?: string): boolean {
  if (typeof schema === "boolean") return schema;
  const checked = schema as SchemaObject;
  const satisfies = (each: unknown) => fitsSchema(value, each, root, digits);
  const branches = (keyword: string) => checked[keyword] as readonly unknown[];
  const types = typesOf(checked, "") ?? [];
  if (types.length > 0 && !types.some((type) => isOfType(value, type))) return false;
  const isListed = (list: object) =>
    Object.keys(list).some((key) => canonicalMember(list, key) === canonical(value, digits));
  if (checked.const !== undefined) return canonicalMember(checked, "const") === canonical(value, digits);
  if (checked.enum !== undefined) return isListed(branches("enum"));
  if (checked.$ref !== undefined) return satisfies(resolvePointer(root, checked.$ref as string));
  if (checked.anyOf !== undefined) return branches("anyOf").some(satisfies);
  if (checked.oneOf !== undefined) return branches("oneOf").filter(satisfies).length === 1;
  if (checked.allOf !== undefined) return branches("allOf").every(satisfies);
  return fitsKeywords(value, checked, root);
}

/** What the keywords ask of values of one type; those of other types have passed. */
function fitsKeywords(value: unknown, schema: SchemaObject, root: unknown): boolean {
  if (typeof value === "string") return fitsText(value, schema);
  if (typeof value === "number") return fitsNumber(value, schema);
  if (Array.isArray(value)) return fitsArray(value, schema, root);
  if (isOfType(value, "object")) return fitsObject(value as SchemaObject, schema, root);
  return true;
}

function fitsText(text: string, schema: SchemaObject): boolean {
  const length = [...text].length;
  const patterns = [formatSource(schema, ""), schema.pattern as string | undefined];
  return (
    isWithin(length, schema.minLength, schema.maxLength) &&
    patterns.every((pattern) => pattern === undefined || fitsPattern(text, pattern))
  );
}

function fitsNumber(value: number, schema: SchemaObject): boolean {
  const { exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = schema as Record<string, number | undefined>;
  return (
    isWithin(value, schema.minimum, schema.maximum) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below) &&
    (multipleOf === undefined || value % multipleOf === 0) // checkSchema lets whole divisors pass only
  );
}

function fitsArray(items: readonly unknown[], schema: SchemaObject, root: unknown): boolean {
  const first = (schema.prefixItems ?? []) as readonly unknown[];
  return (
    isWithin(items.length, schema.minItems, schema.maxItems) &&
    items.every((item, i) => fitsSchema(item, first[i] ?? schema.items ?? true, root, numberText(items, i)))
  );
}

function fitsObject(value: SchemaObject, schema: SchemaObject, root: unknown): boolean {
  const { properties = {}, required = [], additionalProperties = true, propertyNames = true } = schema;
  const schemaOf = (name: string) =>
    Object.hasOwn(properties as object, name) ? (properties as SchemaObject)[name] : additionalProperties;
  return (
    (required as readonly string[]).every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(
      ([name, member]) =>
        fitsSchema(name, propertyNames, root) && fitsSchema(member, schemaOf(name), root, numberText(value, name)),
    )
  );
}

function isWithin(value: number, least: unknown, most: unknown): boolean {
  return value >= ((least as number | undefined) ?? -Infinity) && value <= ((most as number | undefined) ?? Infinity);
}
