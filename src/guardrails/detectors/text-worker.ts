/** The script of a thread that reads long texts for a detector: a second copy of what it looks for. See spans.ts. */
import { serve } from "../../core/worker/index.js";
import type { PersonalDataOptions } from "../personal/find.js";
import { personalDataFinder, wordFinder } from "../unescaped.js";
import type { MatcherOptions, WordRule } from "../words/index.js";

/** What the copy is made from. */
export type TextWorkerData =
  | { readonly kind: "words"; readonly rules: readonly WordRule[]; readonly options: MatcherOptions }
  | { readonly kind: "personal-data"; readonly options: PersonalDataOptions };

function methodsOf(data: TextWorkerData) {
  const { find } = data.kind === "words" ? wordFinder(data.rules, data.options) : personalDataFinder(data.options);
  return { find };
}
export type TextWorkerMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);
