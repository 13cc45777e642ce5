/**
 * What is wrong with a value, in our words: what was expected at which place, and what was found there. The validator's own
 * words name its types and none of the client's.
 */
import type { z } from "zod";
import { listed, shorten } from "../core/base/index.js";

export interface Problem {
  /** `messages.0.content`; "" for the value as a whole. */
  readonly place: string;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** The first thing that is wrong; of a union, what is wrong by the branch that came furthest. */
export function explain(error: z.ZodError, value: unknown): Problem {
  const { path, message } = deepest(error.issues[0]!);
  const asks = /^expected [^;]*$/.test(message) && !message.includes(", found");
  return { place: path.map(String).join("."), message: asks ? `${message}, found ${found(at(value, path))}` : message };
}

interface Found {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function deepest(issue: Issue): Found {
  if (issue.code === "unrecognized_keys") return { path: [...issue.path, issue.keys[0]!], message: issue.message };
  if (issue.code !== "invalid_union") return issue;
  if (issue.discriminator !== undefined && issue.errors.length === 0)
    return { path: issue.path, message: discriminated(issue) };
  const branches = issue.errors.flatMap((issues) => issues.slice(0, 1)).map(deepest);
  const furthest = [...branches].sort((a, b) => b.path.length - a.path.length)[0];
  if (furthest && furthest.path.length > 0)
    return { path: [...issue.path, ...furthest.path], message: furthest.message };
  const alternatives = new Set(branches.map(({ message }) => message.replace(/^expected /, "")));
  return { path: issue.path, message: `expected ${[...alternatives].join(" or ")}` };
}

function discriminated(issue: Extract<Issue, { code: "invalid_union" }>): string {
  const { options } = issue as { options?: readonly unknown[] };
  return options ? `expected ${listed(options)}` : "expected another value";
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inside, key) => (inside as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
}

function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string")
    return value.length > 60 ? `${value.length} characters` : JSON.stringify(shorten(value));
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
