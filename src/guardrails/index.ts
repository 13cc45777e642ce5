export { AuditLog, type AuditOptions } from "./audit.js";
export { type Chain, type VerifiedLog, verifyLog } from "./audit-chain.js";
export { type Check, type Evaluation, worstOf } from "./evaluation.js";
export { type Asked, asking, whoAsks } from "./guard-context.js";
export { type EmbeddingModel, GuardedEmbedder } from "./guarded-embedder.js";
export { GuardedModel, type GuardedVisionLanguageModel, guardrails } from "./guarded-model.js";
export { GuardedReranker } from "./guarded-reranker.js";
export { Guards, type GuardsOptions, type GuardsState, type RecentVerdict } from "./guards.js";
export type { Moderated } from "./moderate.js";
export { type Policy, parsePolicy } from "./policy.js";
export { type Redaction, redactedSchema } from "./redacted-schema.js";
export type { Replay } from "./replay.js";
export { chosenPoint, type Roc, type RocPoint, rocOf } from "./roc.js";
export { secretFrom, signedPost } from "./signed-post.js";
export { type Finder, personalDataFinder, wordFinder } from "./unescaped.js";
export {
  type Action,
  type Finding,
  type GuardReport,
  type ImageSubject,
  type Judged,
  openAiCategories,
  type Stage,
  type Subject,
  type TextSubject,
  type Verdict,
} from "./verdict.js";
export {
  type Folding,
  type FoldingOptions,
  foldings,
  type LintReport,
  lintKinds,
  lintWords,
  parseWordList,
  readWordList,
  type Span,
  type WordRule,
  type WordStream,
  wordListFormat,
} from "./words/index.js";
