/**
 * The records of a file of JSON lines, each checked by a schema. Empty lines are passed over; what is wrong with a line is found in
 * full and named by its place, so that a reader may stop at the first or collect them all.
 */
import type { z } from "zod";
import { fieldExpectation, fieldProblems, fileLimits, firstOf, OcellusError, parseJson } from "../base/index.js";
import { readLines } from "./read-lines.js";

/** One line. Either `record` or `problems` is there. */
export interface JsonLine<T> {
  /** `file:line` */
  readonly origin: string;
  readonly text: string;
  /** As it stands there, without the schema's defaults. */
  readonly json?: unknown;
  readonly record?: T | undefined;
  /** Each begins with the origin. */
  readonly problems: readonly string[];
}

/** @throws `not_found`, `io`; `too_large` for a line of more than `maxLineBytes` */
export async function* readJsonLines<T>(
  path: string,
  schema: z.ZodType<T>,
  maxLineBytes: number,
): AsyncGenerator<JsonLine<T>> {
  for await (const { number, text } of readLines(path, maxLineBytes))
    if (text.trim() !== "") yield parseJsonLine(text, `${path}:${number}`, schema);
}

export function parseJsonLine<T>(text: string, origin: string, schema: z.ZodType<T>): JsonLine<T> {
  let json: unknown;
  try {
    json = parseJson(text, fileLimits);
  } catch (cause) {
    return { origin, text, problems: [`${origin}: expected JSON: ${(cause as Error).message}`] };
  }
  const parsed = schema.safeParse(json, { error: fieldExpectation });
  if (parsed.success) return { origin, text, json, record: parsed.data, problems: [] };
  return { origin, text, json, problems: fieldProblems(parsed.error).map((problem) => `${origin}: ${problem}`) };
}

/** For a reader that stops at the first line that is wrong. @throws `invalid_file` */
export function recordOf<T>({ record, problems, origin }: JsonLine<T>): T {
  if (problems.length === 0) return record!;
  throw new OcellusError("invalid_file", firstOf(problems), { details: { origin, problems } });
}
