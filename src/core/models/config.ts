/** Reading config.json: one place that turns a schema failure into our error, and the bounds all families share. */
import { z } from "zod";
import { OcellusError, shorten } from "../base/index.js";

/** Sizes: 2^20 is 8 times the widest published model (vocabularies included); a larger number is a damaged file. */
export const size = z
  .number()
  .int()
  .min(1)
  .max(2 ** 20);
/** Layers: the deepest published decoders have 126. */
export const layers = z.number().int().min(1).max(1024);
export const tokenId = z
  .number()
  .int()
  .min(0)
  .max(2 ** 24);
export const epsilon = z.number().positive().max(0.1);

/**
 * @throws `invalid_config` naming the first fields that do not fit; `unsupported` when all of these are valid choices that
 * our graphs do not compute.
 */
export function parseConfig<T>(schema: z.ZodType<T>, json: unknown, file: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  // The first few: a hostile list has as many problems as entries.
  const issues: readonly z.core.$ZodIssue[] = result.error.issues.slice(0, 20);
  const fields = issues.map((issue) => issue.path.join(".") || "(top level)");
  const problems = issues.map((issue, i) => `${fields[i]}: ${shorten(issue.message)}${found(issue, json)}`);
  const shown = problems.slice(0, 3).map((problem) => shorten(problem, 80));
  const listed = `${shown.join("; ")}${problems.length > 3 ? "; and more" : ""}`;
  const details = { details: { file, fields, problems } };
  if (issues.every(isChoice))
    throw new OcellusError("unsupported", `${file}: ${listed}; this is not supported`, details);
  throw new OcellusError(
    "invalid_config",
    `${file} does not describe this model family: ${listed}; compare it with the checkpoint's original file`,
    details,
  );
}

/** One of several valid values, of which we take another. */
function isChoice(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_value" || (issue.code === "custom" && issue.params?.unsupported === true);
}

/** The value, where the message of a choice does not have it. */
function found(issue: z.core.$ZodIssue, json: unknown): string {
  if (!isChoice(issue)) return "";
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], json);
  return `, found ${shorten(JSON.stringify(value) ?? "nothing", 30)}`;
}

/** Sizes that must agree with each other, which a schema cannot say; the rule begins with the field it is about. */
export type SizeRule = readonly [holds: boolean, rule: string];

/** @throws `invalid_config` with the first rule that does not hold. */
export function checkSizes(rules: readonly SizeRule[]): void {
  const [, broken] = rules.find(([holds]) => !holds) ?? [];
  if (broken === undefined) return;
  const details = { file: "config.json", fields: [broken.split(" ")[0]], problems: [broken] };
  throw new OcellusError("invalid_config", `config.json: ${broken}`, { details });
}
