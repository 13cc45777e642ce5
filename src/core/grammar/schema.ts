/**
 * JSON Schema (2020-12, the part that can be kept while writing) → the texts that satisfy it. A keyword that would ask for
 * more than is kept here is refused by name and place, never passed over. What is written is often less than what would
 * be valid: properties come in the schema's order, and only those it names unless it says additionalProperties.
 */
import { entriesOf, nearestHint, nearestNames, OcellusError } from "../base/index.js";
import { jsonNumber, largest } from "./decimal.js";
import type { Expression } from "./expression.js";
import type { JsonText, Member } from "./json.js";
import {
  annotations,
  countLimits,
  formatSource,
  impliedTypes,
  isOfType,
  keywords,
  lengthLimits,
  malformed,
  nameKeywords,
  numberAt,
  propertiesOf,
  requiredOf,
  type SchemaObject,
  standAlone,
  type TypeName,
  typesOf,
  unsupported,
} from "./keywords.js";
import { overlap } from "./one-of.js";
import { patternText } from "./pattern.js";
import { escapePointer, resolvePointer } from "./pointer.js";

/** Deeper than any schema a person wrote (OpenAI takes 10), far from the end of the stack. */
const maxDepth = 64;
/** The longest pattern of zod has 550 characters; reading takes a frame of the stack for each. */
const maxPatternLength = 2000;
/** The remainders of a divisor are states. */
const maxDivisor = 1000;
/** Every two are compared. */
const maxOneOf = 128;

/** @throws `unsupported` and `invalid_request`, both naming the keyword and its place; `too_large`. */
export function schemaText(json: JsonText, schema: unknown, name = ""): Expression {
  return new SchemaReader(json, schema, name).read(schema, "#");
}

class SchemaReader {
  readonly #json: JsonText;
  readonly #root: unknown;
  /** Tells the rules of several schemas apart. */
  readonly #name: string;
  /** What was read, by place, and layout where it depends on that: strings and numbers may be costly. */
  readonly #known: Map<string, Expression>;

  constructor(json: JsonText, root: unknown, name: string, known = new Map<string, Expression>()) {
    this.#json = json;
    this.#root = root;
    this.#name = name;
    this.#known = known;
  }

  /** The same schema in another layout. */
  #in(json: JsonText): SchemaReader {
    return new SchemaReader(json, this.#root, this.#name, this.#known);
  }

  #once(key: string, read: () => Expression): Expression {
    const known = this.#known.get(key) ?? read();
    this.#known.set(key, known);
    return known;
  }

  read(schema: unknown, path: string): Expression {
    return this.#once(this.#json.ruleName(path), () => this.#unread(schema, path));
  }

  #unread(schema: unknown, path: string): Expression {
    if (schema === true) return this.#json.value;
    if (schema === false) return this.#json.of.nothing;
    const checked = this.#checked(schema, path);
    const alone = standAlone.find((keyword) => checked[keyword] !== undefined);
    if (alone) return this.#alone(alone, checked, path);
    const types = typesOf(checked, path) ?? impliedTypes(checked);
    if (types.length === 0) return this.#json.value;
    return this.#json.of.choice(types.map((type) => this.#typed(type, checked, path)));
  }

  #checked(schema: unknown, path: string): SchemaObject {
    if (typeof schema !== "object" || schema === null || Array.isArray(schema))
      throw malformed(path, `expected an object, true or false, found ${JSON.stringify(schema)?.slice(0, 60)}`, {
        expected: "object, true or false",
      });
    if (path.split("/").length > 2 * maxDepth)
      throw new OcellusError("too_large", `the schema is nested deeper than ${maxDepth} at ${path}`, {
        details: { path, limit: maxDepth },
      });
    for (const keyword of Object.keys(schema)) {
      if (keywords.has(keyword) || annotations.has(keyword) || keyword.startsWith("x-")) continue;
      throw unsupported(path, keyword, `is not supported${nearestHint(keyword, keywords)}`, {
        nearest: nearestNames(keyword, keywords),
      });
    }
    return schema as SchemaObject;
  }

  /** Keywords that are a whole schema of their own. */
  #alone(keyword: (typeof standAlone)[number], schema: SchemaObject, path: string): Expression {
    const beside = Object.keys(schema).find((other) => other !== keyword && keywords.has(other));
    const isKind = keyword === "enum" || keyword === "const";
    if (beside !== undefined && !(isKind && beside === "type"))
      throw unsupported(
        path,
        beside,
        `beside ${keyword} is not supported: put it into ${keyword === "$ref" ? "what $ref points to" : `the branches of ${keyword}`}`,
        { beside: keyword },
      );
    const at = `${path}/${keyword}`;
    if (keyword === "const") return this.#constants(schema, ["const"], schema, at);
    if (keyword === "$ref") return this.#reference(schema.$ref, at);
    const list = schema[keyword];
    if (!Array.isArray(list) || list.length === 0)
      throw malformed(at, "expected a list with at least one entry", { expected: "list", least: 1 });
    if (keyword === "enum") return this.#constants(list, Object.keys(list), schema, at);
    if (keyword === "allOf" && list.length > 1)
      throw unsupported(path, keyword, "is supported with one branch only: merge them into one schema", { limit: 1 });
    if (keyword === "oneOf") this.#checkOneOf(list, path);
    return this.#json.of.choice(list.map((each, i) => this.read(each, `${at}/${i}`)));
  }

  #checkOneOf(branches: readonly unknown[], path: string): void {
    if (branches.length > maxOneOf)
      throw unsupported(path, "oneOf", `is supported with at most ${maxOneOf} branches`, {
        limit: maxOneOf,
      });
    const overlapping = overlap(branches, (pointer) => resolvePointer(this.#root, pointer));
    if (overlapping)
      throw unsupported(
        path,
        "oneOf",
        `has branches ${overlapping.join(" and ")}, which one value may satisfy both: tell them apart by type or by a required property with a const, or use anyOf`,
        { branches: overlapping },
      );
  }

  #constants(container: object, keys: readonly string[], schema: SchemaObject, path: string): Expression {
    const types = typesOf(schema, path);
    const values = keys.map((key) => [key, (container as SchemaObject)[key]] as const);
    const fitting = values.filter(([, value]) => !types || types.some((type) => isOfType(value, type)));
    if (fitting.length === 0) throw malformed(path, `has no value of the type ${types?.join(" or ")}`, { types });
    return this.#json.of.choice(fitting.map(([key, value]) => this.#json.member(container, key, value)));
  }

  #reference(pointer: unknown, path: string): Expression {
    if (typeof pointer !== "string" || !/^#(\/|$)/.test(pointer))
      throw unsupported(
        path.replace(/\/\$ref$/, ""),
        "$ref",
        `is supported to places inside the schema ("#/$defs/name"), found ${JSON.stringify(pointer)}`,
        { found: pointer },
      );
    const { of } = this.#json;
    const name = this.#json.ruleName(`${this.#name}${pointer}`);
    if (!of.rules.has(name)) {
      const target = resolvePointer(this.#root, pointer);
      if (target === undefined) throw malformed(path, `points to ${pointer}, which is not there`, { missing: pointer });
      of.define(name, of.nothing); // a substitute while the target, which may refer to itself, is read
      of.define(name, this.read(target, pointer));
    }
    return of.rule(name);
  }

  #typed(type: TypeName, schema: SchemaObject, path: string): Expression {
    const { of } = this.#json;
    switch (type) {
      case "string":
        return this.#once(`string ${path}`, () => this.#string(schema, path));
      case "integer":
      case "number":
        return this.#once(`${type} ${path}`, () => this.#number(type, schema, path));
      case "boolean":
        return of.choice([of.text("true"), of.text("false")]);
      case "null":
        return of.text("null");
      case "array":
        return this.#array(schema, path);
      case "object":
        return this.#object(schema, path);
      default:
        return type satisfies never;
    }
  }

  #string(schema: SchemaObject, path: string): Expression {
    const json = this.#json;
    const inside = this.#textInside(schema, path);
    if (inside) return json.quoted(inside);
    return json.string(...lengthLimits(schema, path));
  }

  /** What stands between the quotation marks, if pattern or format say something of it. */
  #textInside(schema: SchemaObject, path: string): Expression | undefined {
    const { derivatives } = this.#json;
    const limits = lengthLimits(schema, path);
    const parts = (["format", "pattern"] as const).flatMap((keyword) => {
      const source = keyword === "format" ? formatSource(schema, path) : schema.pattern;
      if (source === undefined) return [];
      if (typeof source !== "string")
        throw malformed(`${path}/${keyword}`, "expected a string", { expected: "string" });
      if (source.length > maxPatternLength)
        throw new OcellusError(
          "too_large",
          `${path}/${keyword}: the pattern is longer than ${maxPatternLength} characters`,
          { details: { path: `${path}/${keyword}`, limit: maxPatternLength } },
        );
      const refuse = (problem: string, construct: string): never => {
        throw unsupported(path, keyword, `${JSON.stringify(source)} ${problem}`, { pattern: source, construct });
      };
      return [patternText(derivatives, source, refuse)];
    });
    if (parts.length === 0) return undefined;
    if (limits[0] > 0 || limits[1] < Number.POSITIVE_INFINITY) parts.push(this.#json.plainText(...limits));
    const all = parts.reduce((a, b) => derivatives.both(a, b));
    if (all === this.#json.of.nothing)
      throw malformed(path, "no string satisfies its format, pattern, minLength and maxLength together", {
        type: "string",
      });
    return all;
  }

  #number(type: "integer" | "number", schema: SchemaObject, path: string): Expression {
    const limit = (keyword: string) => numberAt(schema, path, keyword);
    const multipleOf = limit("multipleOf");
    if (multipleOf !== undefined && !(Number.isInteger(multipleOf) && multipleOf >= 1 && multipleOf <= maxDivisor))
      throw unsupported(
        path,
        "multipleOf",
        `is supported for whole numbers from 1 to ${maxDivisor}, found ${multipleOf}`,
        { least: 1, most: maxDivisor, found: multipleOf },
      );
    const text = jsonNumber(this.#json.derivatives, {
      isWhole: type === "integer",
      minimum: limit("minimum"),
      maximum: limit("maximum"),
      exclusiveMinimum: limit("exclusiveMinimum"),
      exclusiveMaximum: limit("exclusiveMaximum"),
      multipleOf,
    });
    if (text === this.#json.of.nothing)
      throw malformed(path, `no ${type} below ${largest} satisfies its limits together`, { type, largest });
    return text;
  }

  #array(schema: SchemaObject, path: string): Expression {
    if (schema.uniqueItems === true) throw unsupported(path, "uniqueItems", "is not supported");
    const limits = countLimits(schema, path, "minItems", "maxItems");
    const first = schema.prefixItems ?? [];
    if (!Array.isArray(first)) throw malformed(`${path}/prefixItems`, "expected a list", { expected: "list" });
    const inside = (reader: SchemaReader) => ({
      first: first.map((item, i) => reader.read(item, `${path}/prefixItems/${i}`)),
      further: reader.read(schema.items ?? true, `${path}/items`),
    });
    return this.#json.array((json) => inside(this.#in(json)), ...limits);
  }

  #object(schema: SchemaObject, path: string): Expression {
    const properties = propertiesOf(schema, path);
    const required = requiredOf(schema, path);
    const unnamed = required.filter((name) => !Object.hasOwn(properties, name));
    if (unnamed.length > 0 && schema.additionalProperties === false)
      throw malformed(
        path,
        `requires ${unnamed.join(", ")}, which properties does not name and additionalProperties forbids`,
        { required: unnamed },
      );
    const further = schema.additionalProperties ?? true;
    const at = (name: string) => `${path}/properties/${escapePointer(name)}`;
    const all = [
      ...entriesOf(properties).map(([name, each]) => [name, each, at(name)] as const),
      ...unnamed.map((name) => [name, further, `${path}/additionalProperties`] as const),
    ];
    const inside = (reader: SchemaReader) => {
      const named = all.map(([name, each, place]): Member => {
        const text = this.#json.of.text(JSON.stringify(name));
        return { name: text, value: reader.read(each, place), isRequired: required.includes(name) };
      });
      return { named, further: reader.#furtherMember(schema, named, path) };
    };
    return this.#json.object((json) => inside(this.#in(json)));
  }

  /** A property that is not named; undefined when none are written. */
  #furtherMember(schema: SchemaObject, members: readonly Member[], path: string): Member | undefined {
    const { properties, additionalProperties: further, propertyNames: names } = schema;
    if (further === false || (further === undefined && properties !== undefined && names === undefined))
      return undefined;
    const { of, derivatives } = this.#json;
    const name = this.#once(`name ${path}`, () => {
      const text = of.sequence(of.text('"'), this.#nameInside(names ?? {}, `${path}/propertyNames`), of.text('"'));
      const taken = of.choice(members.map((member) => member.name));
      return of.lexeme(members.length === 0 ? text : derivatives.both(text, of.except(taken)));
    });
    return {
      name,
      value: this.read(further ?? true, `${path}/additionalProperties`),
      isRequired: false,
    };
  }

  /** Names have one spelling, so that they can be told from those that are taken. */
  #nameInside(names: unknown, path: string): Expression {
    const { of } = this.#json;
    const checked = this.#checked(names, path);
    const strange = Object.keys(checked).find((keyword) => keywords.has(keyword) && !nameKeywords.includes(keyword));
    if (strange !== undefined) throw unsupported(path, strange, "is not supported for names of properties");
    if (!Array.isArray(checked.enum))
      return this.#textInside(checked, path) ?? this.#json.plainText(...lengthLimits(checked, path));
    const listed = checked.enum.filter((name) => typeof name === "string");
    return of.choice(listed.map((name) => of.text(JSON.stringify(name).slice(1, -1))));
  }
}
