/** The script of a thread that reads long texts for a detector: a second copy of what it looks for. See spans.ts. */
import { serve } from "../../worker/index.js";
import { PersonalData, type PersonalDataOptions } from "../personal/find.js";
import { findUnescaped } from "../unescaped.js";
import { buildMatcher, type MatcherOptions, type Span, type WordRule } from "../words/index.js";

/** What the copy is made from. */
export type TextWorkerData =
  | { readonly kind: "words"; readonly rules: readonly WordRule[]; readonly options: MatcherOptions }
  | { readonly kind: "personal-data"; readonly options: PersonalDataOptions };

function methodsOf(data: TextWorkerData) {
  const finder = data.kind === "words" ? buildMatcher(data.rules, data.options) : new PersonalData(data.options);
  return { find: (text: string): Span[] => findUnescaped(text, finder.find, () => finder.stream()) };
}
export type TextWorkerMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);
