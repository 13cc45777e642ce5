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

/** @throws `invalid_config` naming the first fields that do not fit. */
export function parseConfig<T>(schema: z.ZodType<T>, json: unknown, file: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  // The first few: a hostile list has as many problems as entries.
  const problems = result.error.issues
    .slice(0, 20)
    .map((issue) => `${issue.path.join(".") || "(top level)"}: ${shorten(issue.message)}`);
  const shown = problems.slice(0, 3).map((problem) => shorten(problem, 60));
  const more = problems.length > 3 ? "; and more" : "";
  throw new OcellusError(
    "invalid_config",
    `${file} does not describe this model family: ${shown.join("; ")}${more}; compare it with the checkpoint's original file`,
    { details: { file, problems } },
  );
}

/** Sizes that must agree with each other, which a schema cannot say. */
export type SizeRule = readonly [holds: boolean, rule: string];

/** @throws `invalid_config` with the first rule that does not hold. */
export function checkSizes(rules: readonly SizeRule[]): void {
  for (const [holds, rule] of rules) if (!holds) throw new OcellusError("invalid_config", `config.json: ${rule}`);
}
