/** What a tuned model says of its making, in the `tuning.json` that `ocellus tune` leaves beside its weights. */
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import { readSideJson } from "../core/fs/index.js";

const fileName = "tuning.json";
const format = "ocellus-tuning-1";

const digest = z.string().regex(/^(?:sha256:)?[0-9a-f]{64}$/, "expected a SHA-256 digest");
/** A recipe has some twenty numbers and names; a manifest is a few kilobytes. */
const maxRecipeLength = 10_000;
const recipeSchema = z
  .record(z.string(), z.json())
  .refine((recipe) => JSON.stringify(recipe).length <= maxRecipeLength, `expected at most ${maxRecipeLength} characters`); // biome-ignore format: one thought

/** Digests of the model that it was made from and of what it learnt, and how. */
export const lineageSchema = z.strictObject({ base: digest, data: digest, recipe: recipeSchema });
export type Lineage = z.infer<typeof lineageSchema>;

const fileSchema = z.object({
  base: z.object({ digest }),
  data: z.object({ digest }),
  recipe: recipeSchema,
});

/** Undefined: a model that was not tuned here. @throws `invalid_file` for a file of ours that is not whole */
export async function readLineage(folder: string): Promise<Lineage | undefined> {
  const json = await readSideJson(folder, fileName);
  if ((json as { format?: unknown } | null | undefined)?.format !== format) return undefined;
  const found = fileSchema.safeParse(json);
  if (found.success) return { base: found.data.base.digest, data: found.data.data.digest, recipe: found.data.recipe };
  const [issue] = found.error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new OcellusError("invalid_file", `${folder}/${fileName}: ${field}: ${issue?.message}`, {
    details: { path: folder, file: fileName, field },
  });
}
