export { type MachineMemory, machineMemory } from "../core/backend/index.js";
export { type AdapterReport, adapterReport, type MovedTensor } from "./adapter-report.js";
export type { Answer } from "./answers.js";
export type { CheckpointDiff, ModuleChange, PartChange, TensorChange } from "./change.js";
export type { ConfigChange } from "./config-diff.js";
export {
  type CheckpointDescription,
  type ConfigFound,
  type DescribedTensor,
  describeCheckpoint,
  type Part,
  type Totals,
} from "./describe.js";
export { type DiffOptions, diffCheckpoints } from "./diff.js";
export { divergence } from "./divergence.js";
export type { FamilyFit } from "./family-fit.js";
export { type FormatError, formatErrors, type MatrixQuery, type TensorErrors } from "./format-errors.js";
export { type GraphSummary, summarizeGraph } from "./graph-summary.js";
export type { Head, HeadVerdict } from "./head.js";
export {
  checkHealth,
  type Examination,
  examine,
  type FindingKind,
  type HealthFinding,
  type HealthReport,
} from "./health.js";
export { type FamiliarityTable, learnFamiliarity } from "./learn-familiarity.js";
export type { LowRank } from "./low-rank.js";
export {
  type DecoderEstimate,
  estimateMemory,
  type Fits,
  type FormatEstimate,
  formatLabel,
  type ImageSize,
  type MemoryEstimate,
  type MemoryOptions,
  type VisionEstimate,
} from "./memory.js";
export { type ModelGraphs, modelGraphs, writeBareGraphs } from "./model-graphs.js";
export type { ModuleNode } from "./module-tree.js";
export { pageDocument } from "./page/document.js";
export type { GoldenEntry, GoldenRow, InspectData, Said, Sentence } from "./page/page-data.js";
export type { PassOptions } from "./pass.js";
export {
  type AuditOptions,
  auditCheckpoint,
  auditFile,
  type CheckpointSafety,
  type SafetyReport,
} from "./pickle-audit/audit-file.js";
export type { Verdict } from "./pickle-audit/audit-names.js";
export type { PickleAudit } from "./pickle-audit/audit-pickle.js";
export type { PickleCall, PickleImport } from "./pickle-audit/audit-record.js";
export type { NotFinite } from "./piece-difference.js";
export type { PartKind } from "./place.js";
export { type BudgetOptions, type BudgetPlan, type PlannedMatrix, planByBudget } from "./plan-budget.js";
export {
  type ErrorGroup,
  type FormatComparison,
  type MatrixErrors,
  packedBytes,
  type ReportFormat,
  reportDivergence,
  reportErrors,
  reportFormats,
  withPackedFormat,
} from "./quant-report.js";
export { diffPage } from "./report-page/diff-page.js";
export { inspectData, inspectPage } from "./report-page/inspect-page.js";
export { measureSensitivity, type Sensitivity, type SensitivityOptions } from "./sensitivity.js";
export { sentence } from "./sentence.js";
export { type StatisticsOptions, tensorStatistics } from "./statistics.js";
export type { RowStatistics, TensorStatistics } from "./tensor-statistics.js";
export { type TracePageInfo, tracePage } from "./trace-page/page.js";
