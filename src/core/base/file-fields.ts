/**
 * What is wrong with an object of a file that people write, in full: every field that there is none of, with the nearest
 * names, and every value that is not what was expected. For schemas that are strict.
 */
import type { z } from "zod";
import { expectation } from "./expectation.js";
import { nearestHint } from "./nearest.js";
import { shorten } from "./printable.js";

/** Given to the validator with the object. */
export function fieldExpectation(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "unrecognized_keys") return issue.code === "invalid_union" ? undefined : expectation(issue);
  const { shape } = (issue.inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def ?? {};
  const known = Object.keys(shape ?? {});
  return issue.keys.map((key) => `there is no field ${shorten(key)}${nearestHint(key, known)}`).join("; ");
}

/** One line a problem, each with its place: `questions.0.answer: …`. */
export function fieldProblems({ issues }: z.ZodError): string[] {
  return issues.map(({ path, message }) =>
    [path.map(String).join("."), message].filter((part) => part !== "").join(": "),
  );
}

/** The first of many problems, one line each, and how many more there are. */
export function firstOf(problems: readonly string[], limit = 20): string {
  const more = problems.length - limit;
  return [...problems.slice(0, limit), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}
