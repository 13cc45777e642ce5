/** What `diffCheckpoints` finds, as plain data: `ocellus diff --json` prints it, docs/inspect.md explains it. */
import type { DType, Shape, TensorInfo } from "../core/tensor/index.js";
import type { ConfigChange } from "./config-diff.js";
import type { LowRank } from "./low-rank.js";
import type { Said } from "./page/page-data.js";
import type { NotFinite } from "./piece-difference.js";
import type { PartKind } from "./place.js";

export interface TensorChange {
  /** As A spells it. */
  readonly name: string;
  readonly part: PartKind;
  readonly shape: Shape;
  /** Byte by byte where both have one dtype, else by value. */
  readonly isEqual: boolean;
  /** ‖B − A‖ / max(‖A‖, ‖B‖), Frobenius norms over the places where both are finite: 0 to 2, the same in both directions. */
  readonly relative: number;
  readonly maxAbs: number;
  readonly numElements: number;
  readonly numChanged: number;
  /** `relative` and `maxAbs` say nothing of them. */
  readonly notFinite: NotFinite;
  /** Set when the change has low rank and reaches at least half of the rows, as a merged LoRA's does. */
  readonly lowRank?: LowRank;
}

export interface PartChange {
  readonly part: PartKind;
  readonly title: string;
  readonly numTensors: number;
  readonly numChanged: number;
  /** Over all values of the part, as for a tensor. */
  readonly relative: number;
  readonly notFinite: NotFinite;
}

/** A layer of a stack, or what is beside the stacks: `model.layers.3`, `visual.patch_embed.proj`. */
export interface ModuleChange {
  readonly module: string;
  readonly part: PartKind;
  readonly numTensors: number;
  readonly numChanged: number;
  /** Over all values of the module, as for a tensor. */
  readonly relative: number;
  readonly notFinite: NotFinite;
}

export interface CheckpointDiff {
  readonly a: string;
  readonly b: string;
  /** One sentence. */
  readonly summary: string;
  /** What it is made of. */
  readonly clauses: readonly Said[];
  /** Nothing differs; undefined when only headers were read and nothing differs in them. */
  readonly isEqual?: boolean;
  readonly configs: readonly ConfigChange[];
  readonly added: readonly TensorInfo[];
  readonly removed: readonly TensorInfo[];
  /** Paired though their names differ: spellings of one family, or a library's wrapper such as `model.`. */
  readonly respelled: readonly { readonly a: string; readonly b: string }[];
  readonly reshaped: readonly { readonly name: string; readonly a: Shape; readonly b: Shape }[];
  readonly retyped: readonly { readonly name: string; readonly a: DType; readonly b: DType }[];
  /** Absent in the quick mode. */
  readonly parts?: readonly PartChange[];
  /** By their names, numbers as numbers. */
  readonly modules?: readonly ModuleChange[];
  /** Of both checkpoints and of one shape: the largest share of changed NaN and infinite values first, then the largest relative change. */
  readonly tensors?: readonly TensorChange[];
}

export type HeaderChanges = Pick<
  CheckpointDiff,
  "configs" | "added" | "removed" | "respelled" | "reshaped" | "retyped"
>;
export type ValueChanges = Required<Pick<CheckpointDiff, "parts" | "modules" | "tensors">>;
