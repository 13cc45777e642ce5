/**
 * A version: which files a model is, under a tag that means the same bytes forever. The manifest is a few kilobytes of JSON;
 * its digest is over its canonical spelling (sorted keys, no spaces) without the signature, so that signing changes nothing.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import { lineageSchema } from "./lineage.js";

/** As OCI tags: they travel to registries. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** No checkpoint of ours has more than some hundred shards. */
const maxFiles = 10_000;

export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256: and 64 hexadecimal digits");
export const tagSchema = z
  .string()
  .regex(tagPattern, "expected letters, digits, dot, dash and underscore, at most 128");

/** @throws `invalid_request` */
export function checkTag(tag: string): void {
  if (!tagPattern.test(tag))
    throw new OcellusError("invalid_request", `tag ${tag}: expected a name like qwen3-vl-8b-v1.1.0`, {
      details: { field: "tag", found: tag },
    });
}

/** A path inside a model folder: never absolute, never out of it. */
const pathSchema = z
  .string()
  .min(1)
  .max(512)
  .refine(isInside, "expected a relative path inside the model's folder, with / between its parts");

function isInside(path: string): boolean {
  return !/[\\\0:]/.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tag: tagSchema,
  /** Sorted by path. */
  files: z
    .array(z.strictObject({ path: pathSchema, sizeBytes: z.number().int().nonnegative(), digest: digestSchema }))
    .min(1)
    .max(maxFiles),
  /** The checkpoint's `model_type`. */
  family: z.string().max(128),
  /** As the folder stores them: `bf16`, `int4`, … */
  quantization: z.string().max(128),
  /** The tag that this one was made from. */
  parent: tagSchema.optional(),
  notes: z.string().max(10_000).optional(),
  /** Of a tuned model. */
  lineage: lineageSchema.optional(),
  createdBy: z.string().max(256),
  createdAt: z.iso.datetime(),
  signature: z.strictObject({ keyId: z.string().max(128), value: z.base64().max(128) }).optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = Manifest["files"][number];

/** `sha256:…` over everything but the signature. */
export function manifestDigest(manifest: Manifest): string {
  return `sha256:${createHash("sha256").update(signedText(manifest)).digest("hex")}`;
}

/** What a signature is over. */
export function signedText(manifest: Manifest): string {
  const { signature: _, ...signed } = manifest;
  return canonicalJson(signed);
}

/** JSON with sorted keys and no spaces: one spelling for one value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(",")}}`;
}

/** @throws `invalid_file` naming the first thing that is wrong. */
export function parseManifest(value: unknown, source: string): Manifest {
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "the whole";
  throw new OcellusError("invalid_file", `${source}: expected a version's manifest; ${where}: ${issue?.message}`);
}

export function manifestBytes({ files }: Manifest): number {
  return files.reduce((sum, file) => sum + file.sizeBytes, 0);
}
