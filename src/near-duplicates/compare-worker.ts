/** The script of the thread that compares pictures. See comparer.ts. */
import { serve } from "../core/worker/index.js";
import { type Fingerprint, lookOf, type QueryImage } from "./fingerprint.js";
import { showsNothingElse } from "./same-picture.js";

const methods = {
  look: (picture: QueryImage) => lookOf(picture),
  compare: (picture: Fingerprint, kept: Fingerprint) => showsNothingElse(picture, kept),
};
export type CompareMethods = typeof methods;

serve(() => methods);
