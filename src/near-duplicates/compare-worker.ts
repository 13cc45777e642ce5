/** The script of the thread that compares pictures. See comparer.ts. */
import { serve } from "../core/worker/index.js";
import { type Fingerprint, lookOf, type QueryImage } from "./fingerprint.js";
import { showsNothingElse } from "./same-image.js";

const methods = {
  look: (image: QueryImage) => lookOf(image),
  compare: (image: Fingerprint, kept: Fingerprint) => showsNothingElse(image, kept),
};
export type CompareMethods = typeof methods;

serve(() => methods);
