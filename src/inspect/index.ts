export type { Answer } from "./answers.js";
export {
  type CheckpointDescription,
  type ConfigFound,
  type DescribedTensor,
  describeCheckpoint,
  type Part,
  type Totals,
} from "./describe.js";
export type { FamilyFit, UnusedReason } from "./family-fit.js";
export type { Head, HeadVerdict } from "./head.js";
export type { ModuleNode } from "./module-tree.js";
export type { PartKind } from "./place.js";
