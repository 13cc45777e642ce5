export { findPersonalData, personalDataStream } from "../personal/find.js";
export { type Folding, type FoldingOptions, foldings } from "./folding.js";
export { type LintReport, lintKinds, lintWords } from "./lint.js";
export { buildMatcher, type MatcherOptions, type WordMatcher, type WordStream } from "./matcher.js";
export type { Span, WordRule } from "./rule.js";
export { parseWordList, readWordList, wordListFormat } from "./word-list.js";
