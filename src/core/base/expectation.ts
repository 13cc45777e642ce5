/** What a schema expects of a value, in our words: the validator's own name its types. */
import type { z } from "zod";

/** What a schema's own message does not say. Given to the validator, so that a schema may say more. */
export function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${nouns[issue.expected as string] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${listed(issue.values as unknown[])}`;
    case "too_small":
      return `expected ${sized(issue.origin as string, "at least", Number(issue.minimum))}`;
    case "too_big":
      return `expected ${sized(issue.origin as string, "at most", Number(issue.maximum))}`;
    case "unrecognized_keys":
      return "there is no such parameter here; remove it";
    case "invalid_format":
      return `expected the form of ${issue.format}`;
    default:
      return "expected another value";
  }
}

/** `"a", "b" or "c"` */
export function listed(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)}`;
}

function sized(origin: string, limit: string, count: number): string {
  if (origin === "string") return `${limit} ${count} ${count === 1 ? "character" : "characters"}`;
  if (origin === "array") return `${limit} ${count} ${count === 1 ? "entry" : "entries"}`;
  return `a ${origin === "int" ? "whole number" : "number"} of ${limit} ${count}`;
}

const nouns: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
  null: "null",
  undefined: "nothing",
};
