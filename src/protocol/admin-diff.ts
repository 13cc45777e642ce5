/** What differs between two versions: from their headers at once, from every value when that was asked for. */
import { z } from "zod";

const versionName = z.string().min(1).max(128);
const shape = z.array(z.number());

/** Long lists are cut short; `count` is of the whole. */
const listOf = <S extends z.ZodType>(item: S) => z.object({ count: z.number(), data: z.array(item) });

export const diffRequestSchema = z.object({ a: versionName, b: versionName }).meta({ id: "VersionDiffRequest" });

const change = { num_tensors: z.number(), num_changed: z.number() };
/** ‖B − A‖ / max(‖A‖, ‖B‖): 0 to 2, the same in both directions. */
const relative = z.number();

/** NaN and infinite values of A and of B, which `relative` leaves out. */
const notFinite = { not_finite_a: z.number(), not_finite_b: z.number() };

const moduleSchema = z.object({ module: z.string(), ...change, relative, ...notFinite });
const partSchema = z.object({
  part: z.enum(["vision", "connector", "embedding", "text", "decoder", "head", "other"]),
  title: z.string(),
  ...change,
  relative,
  ...notFinite,
  /** Layers, and what is beside them. */
  modules: listOf(moduleSchema),
});
export type WirePartChange = z.infer<typeof partSchema>;

const tensorChangeSchema = z.object({
  name: z.string(),
  shape,
  relative,
  ...notFinite,
  max_abs: z.number(),
  num_values: z.number(),
  num_changed: z.number(),
  /** Of the change, where it is low as a merged LoRA's is. */
  rank: z.number().optional(),
});
export type WireTensorChange = z.infer<typeof tensorChangeSchema>;

/** One pass over every value, of one pair of versions at a time. */
const valuesSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("unread") }),
  z.object({ state: z.literal("running"), done_bytes: z.number(), total_bytes: z.number() }),
  z.object({
    state: z.literal("done"),
    parts: z.array(partSchema),
    /** Those that changed, the largest relative change first. */
    tensors: listOf(tensorChangeSchema),
  }),
  z.object({ state: z.literal("failed"), problem: z.string() }),
]);
export type WireDiffValues = z.infer<typeof valuesSchema>;

const tensorSchema = z.object({ name: z.string(), dtype: z.string(), shape });

export const versionDiffSchema = z
  .object({
    object: z.literal("ocellus.admin.diff"),
    a: z.string(),
    b: z.string(),
    /** One sentence. */
    summary: z.string(),
    /** What it is made of, for other languages. */
    clauses: z.array(z.object({ code: z.string(), values: z.record(z.string(), z.unknown()) })),
    configs: listOf(
      z.object({ file: z.string(), path: z.string(), a: z.string().optional(), b: z.string().optional() }),
    ),
    added: listOf(tensorSchema),
    removed: listOf(tensorSchema),
    /** Paired though their names differ. */
    respelled: listOf(z.object({ a: z.string(), b: z.string() })),
    reshaped: listOf(z.object({ name: z.string(), a: shape, b: shape })),
    retyped: listOf(z.object({ name: z.string(), a: z.string(), b: z.string() })),
    values: valuesSchema,
  })
  .meta({ id: "VersionDiff" });
export type WireDiff = z.infer<typeof versionDiffSchema>;
