/**
 * A version whose model an engine elsewhere runs: a folder with one file, `engine.json`, that says where it is, what it reported of
 * itself when it was published, and what it was found to be able to do. Published, signed, deployed and rolled back like weights.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { fieldProblems, firstOf, OcellusError } from "../core/base/index.js";
import { readSideJson } from "../core/fs/index.js";
import { engineKinds } from "./kinds.js";

export const engineFile = "engine.json";

/** A version is not the operator's own file: it may name these variables only, or it could send any secret of the server's anywhere. */
const keyVariable = /^OCELLUS_ENGINE_KEY(_[A-Z0-9_]{1,64})?$/;

const count = z.number().int().positive();
const milliseconds = count.max(86_400_000);

export const descriptionSchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.enum(engineKinds),
  url: z.url({ protocol: /^https?$/ }).max(2048),
  /** As the engine names it. */
  model: z.string().min(1).max(1024),
  apiKeyEnv: z.string().regex(keyVariable, "expected OCELLUS_ENGINE_KEY or OCELLUS_ENGINE_KEY_NAME").optional(),
  /** The engine's own words for itself, when it was published. */
  reported: z.record(z.string().max(64), z.union([z.string().max(1024), z.number()])),
  can: z.strictObject({
    images: z.boolean(),
    tools: z.boolean(),
    schema: z.boolean(),
    logprobs: z.boolean(),
    /** Absent: it showed no thoughts. */
    thinking: z.enum(["hybrid", "always"]).optional(),
  }),
  /** Context limit in tokens. */
  maxLength: count.max(2 ** 30),
  /** Requests that are sent to it at once. */
  maxSequences: count.max(100_000),
  /** Larger images are scaled down to this area. 2^24 is the largest that any checkpoint is published with. */
  maxPixels: count.max(2 ** 24),
  limits: z
    .strictObject({
      connectMs: milliseconds.optional(),
      headersMs: milliseconds.optional(),
      firstTokenMs: milliseconds.optional(),
      betweenTokensMs: milliseconds.optional(),
    })
    .optional(),
});

export type EngineDescription = z.infer<typeof descriptionSchema>;

/** @returns undefined for a folder that holds a model itself @throws `invalid_file` */
export async function readDescription(folder: string): Promise<EngineDescription | undefined> {
  const json = await readSideJson(folder, engineFile);
  if (json === undefined) return undefined;
  const parsed = descriptionSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const path = join(folder, engineFile);
  const problems = fieldProblems(parsed.error);
  throw new OcellusError("invalid_file", `${path}: ${firstOf(problems)}; publish the version again`, {
    details: { path, problems },
  });
}

/** @throws `invalid_request` for a variable that a version may not name */
export function checkKeyVariable(variable: string | undefined): void {
  if (variable === undefined || keyVariable.test(variable)) return;
  const expected = "OCELLUS_ENGINE_KEY or OCELLUS_ENGINE_KEY_NAME";
  throw new OcellusError(
    "invalid_request",
    `the variable of an engine's API key: expected ${expected}, found ${variable}`,
    {
      details: { field: "apiKeyEnv", expected, found: variable },
    },
  );
}

/** Of what the engine reported: equal ones run the same model. Where it runs is no part of it. */
export function descriptionDigest({ kind, reported }: EngineDescription): string {
  const facts = Object.entries(reported).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify(["engine-1", kind, facts]))
    .digest("hex");
}
