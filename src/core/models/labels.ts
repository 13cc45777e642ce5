/** The labels of a classifier, as configs of transformers have them. */
import { z } from "zod";
import { only } from "./fields.js";

export const labelFields = {
  id2label: z.record(z.string().regex(/^\d{1,6}$/), z.string()).nullish(),
  num_labels: z.number().int().min(1).max(100_000).nullish(), // ImageNet-21k has 21,843
  /** The others are scored by a sigmoid each, or not at all. */
  problem_type: only("single_label_classification"),
};

interface Labelled {
  readonly id2label?: Readonly<Record<string, string>> | null | undefined;
  readonly num_labels?: number | null | undefined;
}

/** Two nameless labels where a file says nothing, as in the reference. */
export function labelsOf({ id2label, num_labels }: Labelled): string[] {
  const count = id2label ? Object.keys(id2label).length : (num_labels ?? 2);
  return Array.from({ length: count }, (_, i) => id2label?.[i] ?? `LABEL_${i}`);
}
