/** What came of asking two versions the same live questions: figures only, never a word of them. As it is in the journal. */
import { z } from "zod";
import { tagSchema } from "./manifest.js";

const count = z.number().int().min(0);
const share = z.number().min(0).max(1);
/** Means over the pairs that both have answered. */
const both = z.strictObject({ served: z.number().min(0), mirrored: z.number().min(0) });

export const comparisonSchema = z.strictObject({
  /** The version whose answers were served. */
  served: tagSchema,
  /** Questions that were put to both, answered or not. */
  numPairs: count,
  /** Of these, answered with the same words. */
  numExact: count,
  /** Of these, where only the mirrored version failed. */
  numFailed: count,
  /** Questions that were to be mirrored and were not: the queue was full, others waited, a guard could not look. */
  numDropped: count,
  /** Means over all pairs, as `agreementOf` counts; a failure has none. */
  similarity: share,
  sameUntil: share,
  numWords: both,
  firstTokenMs: both,
});
export type Comparison = z.infer<typeof comparisonSchema>;
