/**
 * What a request gives. Clients write null for what they do not give, at any depth (`tool_calls: null`), and OpenAI's API
 * takes it so. A null stays where the schema asks for it, or gives it a meaning of its own (`nullable`).
 */
import { z } from "zod";
import { entriesOf, withNotesOf } from "../core/base/index.js";

/** The same value without the nulls that stand for what is optional in the schema. */
export function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  return without([schema], value);
}

/** @param schemas what the value may be by: several where they are a union */
function without(schemas: readonly z.ZodType[], value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const cases = schemas.flatMap(casesOf);
  if (Array.isArray(value)) {
    const items = cases.flatMap((found) => (found instanceof z.ZodArray ? [found.element as z.ZodType] : []));
    return items.length === 0
      ? value
      : withNotesOf(
          value,
          value.map((item) => without(items, item)),
        );
  }
  const shapes = cases.flatMap((found) => (found instanceof z.ZodObject ? [found.shape as Shape] : []));
  if (shapes.length === 0) return value; // a record is the caller's own
  const fieldsOf = (name: string) => shapes.flatMap((shape) => (Object.hasOwn(shape, name) ? [shape[name]!] : []));
  const given = entriesOf(value).filter(([name, member]) => member !== null || keepsNull(fieldsOf(name)));
  return withNotesOf(value, Object.fromEntries(given.map(([name, member]) => [name, without(fieldsOf(name), member)])));
}

type Shape = Readonly<Record<string, z.ZodType>>;

function keepsNull(fields: readonly z.ZodType[]): boolean {
  return fields.some(isNullable) || !fields.some((field) => field.safeParse(undefined).success);
}

function isNullable(schema: z.ZodType): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return isNullable(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodNullable;
}

/** What stands inside the wrappers, each branch of a union by itself. */
function casesOf(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return (schema.options as z.ZodType[]).flatMap(casesOf);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return casesOf(schema.unwrap() as z.ZodType);
  return [schema];
}
