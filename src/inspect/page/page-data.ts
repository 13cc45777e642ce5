/**
 * What the scripts of our report pages (web/src/reports/) find in a page, as JSON. Types alone, and none of Node: they are
 * compiled for the browser too.
 */

/**
 * What sentences of the program are made of, by code. The pages say each in Chinese too, from code and values:
 * web/src/reports/sentences-zh.ts, whose type asks for all of them.
 */
export interface SentenceValues {
  readonly missing: { readonly count: number };
  readonly misshapen: { readonly count: number };
  readonly twice: { readonly count: number };
  readonly not_finite: { readonly name: string; readonly numNaN: number; readonly numInfinite: number };
  readonly zero: { readonly name: string };
  readonly constant: { readonly name: string; readonly value: number };
  readonly constant_vectors: { readonly count: number };
  readonly exploding: { readonly name: string; readonly ratio: number };
  readonly dead_rows: { readonly name: string; readonly numDead: number; readonly numRows: number };
  readonly outliers: { readonly name: string; readonly count: number; readonly least: number; readonly most: string };
  readonly duplicate: { readonly first: string; readonly others: readonly string[] };
  readonly left_out: { readonly count: number; readonly all: number; readonly what: LeftOut };
  readonly would_fit: { readonly formats: readonly NamedFormat[] };
  readonly shorter_fits: { readonly format: NamedFormat; readonly tokens: number };
  readonly freed_fits: { readonly format: NamedFormat; readonly bytes: string };
  readonly nothing_fits: { readonly format: NamedFormat; readonly bytes: string };
  readonly patch: { readonly size: string; readonly width: number; readonly kernel: string };
  readonly queries: { readonly count: number; readonly width: number; readonly shape: string };
  readonly vocabulary: { readonly count: number; readonly width: number };
  readonly q_proj: { readonly shape: string };
  readonly heads: {
    readonly ratio: number;
    readonly of?: { readonly queries: number; readonly keys: number; readonly width: number } | undefined;
  };
  readonly checkpoint_facts: {
    readonly modelType?: string | undefined;
    readonly parameters: string;
    readonly size: string;
    readonly numFiles: number;
    readonly format: string;
  };
  readonly golden_facts: { readonly digest: string; readonly questions: number };
  readonly roc_facts: { readonly count: number };
  readonly diff: { readonly clauses: readonly Said[] };
  readonly nothing_differs: Nothing;
  readonly values_unread: Nothing;
  readonly no_value_moved: Nothing;
  readonly configs_differ: Nothing;
  readonly headers_same: Nothing;
  readonly names_differ: { readonly count: number; readonly how: NameChange };
  readonly not_finite_differ: { readonly count: number; readonly how: "more" | "fewer" | "other" };
  readonly only_moved: { readonly parts: readonly string[] };
  readonly all_moved: { readonly most: string; readonly isOne: boolean };
  readonly low_rank: { readonly count: number; readonly all: number; readonly least: number; readonly most: number };
  readonly golden_right: { readonly percent: string; readonly correct: number; readonly questions: number };
  readonly golden_verdict: { readonly verdict: "same" | "unsure" | "worse" | "better"; readonly questions: number };
  readonly golden_change: {
    readonly questions: number;
    readonly lost: number;
    readonly gained: number;
    readonly points: string;
    readonly low: string;
    readonly high: string;
    readonly p: string;
  };
}

type Nothing = Readonly<Record<string, never>>;
export type LeftOut = "smallest" | "least_moved" | "names" | "values";
export type NameChange = "added" | "removed" | "respelled" | "reshaped" | "retyped";

export interface NamedFormat {
  readonly weights: string;
  readonly blockSize: number;
  readonly embeddingWeights: string;
}

export type SentenceCode = keyof SentenceValues;
export type Said = { [C in SentenceCode]: { readonly code: C; readonly values: SentenceValues[C] } }[SentenceCode];
/** With its English. */
export type Sentence = Said & { readonly text: string };

/** Of a tensor, what the picture of the model needs. */
export interface RoomTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly numElements: number;
  /** Index in `rooms`. */
  readonly room: number;
}

export interface Room {
  readonly title: string;
  readonly numLayers: number;
}

export interface LayerGrid {
  /** Name before the layer's number. */
  readonly stack: string;
  readonly layers: readonly number[];
  /** Of each layer the index of its tensor in the list that was given, or -1. */
  readonly kinds: readonly { readonly kind: string; readonly tensors: readonly number[] }[];
  /** Kinds beyond the page's most. */
  readonly numMore: number;
}

/** Common to both reports. */
export interface ReportData<T extends RoomTensor = RoomTensor, R extends Room = Room> {
  readonly rooms: readonly R[];
  readonly tensors: readonly T[];
  readonly grids: readonly LayerGrid[];
  /** Says what is not in the page. */
  readonly leftOut?: Sentence | undefined;
}

/** Rounded to be read off a plot. */
export interface InspectedValues {
  readonly numZeros: number;
  readonly numNaN: number;
  readonly numInfinite: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly rms: number;
  readonly quantiles: readonly (readonly [share: number, value: number])[];
  readonly low: number;
  readonly high: number;
  /** In thousandths of the fullest bin; what is not nothing shows. */
  readonly bins: readonly number[];
  /** Of matrices. */
  readonly numDead?: number;
  readonly numOutliers?: number;
  readonly outliers?: readonly (readonly [channel: number, ratio: number])[];
  readonly int4Error?: number;
}

export interface InspectedTensor extends RoomTensor {
  readonly dtype: string;
  readonly sizeBytes: number;
  /** Index in `files`. */
  readonly file: number;
  /** Absent of the smallest of a very large checkpoint. */
  readonly values?: InspectedValues;
}

export interface InspectedFinding {
  readonly severity: "bad" | "note";
  readonly kind: string;
  readonly message: string;
  readonly said: Said;
  /** The first of them. */
  readonly tensors: readonly string[];
  readonly numTensors: number;
  /** Of each of `tensors` its index in the page's tensors, or -1. */
  readonly at: readonly number[];
}

/** An estimate, or why there is none. */
export interface InspectedMemory {
  readonly problem?: string;
  readonly machine?: { readonly availableBytes: number; readonly totalBytes: number };
  readonly formats?: readonly {
    readonly weights: string;
    readonly blockSize: number;
    readonly embeddingWeights: string;
    readonly weightsBytes: number;
    readonly totalBytes: number;
    readonly fits: "now" | "freed" | "no";
  }[];
  readonly processBytes?: number;
  readonly decoder?: {
    readonly contextTokens: number;
    readonly numSequences: number;
    readonly cacheBytesPerThousandTokens: number;
    readonly cacheBytes: number;
    readonly peakBytes: number;
  };
  readonly vision?: {
    readonly image: { readonly width: number; readonly height: number };
    readonly peakBytes: number;
  };
  readonly advice?: readonly Sentence[];
}

export interface InspectData extends ReportData<InspectedTensor, Room & { readonly part: string }> {
  readonly healthy: boolean;
  readonly findings: readonly InspectedFinding[];
  readonly numBad: number;
  readonly numNotes: number;
  readonly files: readonly string[];
  readonly about: {
    readonly problem?: string | undefined;
    /** There is no config, which is the problem. */
    readonly isBare: boolean;
    readonly notes: readonly string[];
    readonly answers: readonly { readonly question: string; readonly answer: string; readonly said: Said }[];
    readonly head?: InspectedHead | undefined;
    readonly unused?: readonly { readonly name: string }[] | undefined;
    readonly numUnused?: number | undefined;
  };
  readonly memory?: InspectedMemory | undefined;
}

export interface InspectedHead {
  readonly verdict: "absent" | "equal" | "equal_samples" | "different";
  readonly embedding: string;
  readonly head?: string | undefined;
}

/** Values that are NaN or infinite: in the one checkpoint, in the other, and where that differs. */
interface NotFinite {
  readonly a: number;
  readonly b: number;
  readonly changed: number;
}

export interface ChangedTensor extends RoomTensor {
  readonly isEqual: boolean;
  readonly numChanged: number;
  readonly notFinite: NotFinite;
  readonly relative: number;
  readonly maxAbs: number;
  /** Where few directions hold most of the change. */
  readonly rank?: number;
  readonly energy?: number;
}

export interface ChangedRoom extends Room {
  readonly numTensors: number;
  readonly numChanged: number;
  readonly notFinite: NotFinite;
  readonly relative: number;
}

export interface DiffData extends ReportData<ChangedTensor, ChangedRoom> {
  readonly a: string;
  readonly b: string;
  readonly numTensors: number;
  readonly numMoved: number;
  readonly configs: readonly {
    readonly file: string;
    readonly path: string;
    readonly a?: string | undefined;
    readonly b?: string | undefined;
  }[];
  readonly configsLeftOut?: Sentence | undefined;
  readonly names: readonly (readonly [what: string, name: string, detail: string])[];
  readonly namesLeftOut?: Sentence | undefined;
}

export interface TracedCandidate {
  readonly id: number;
  readonly text: string;
  readonly p: number;
}

export interface TracedToken extends TracedCandidate {
  readonly special: boolean;
  readonly alternatives: readonly TracedCandidate[];
  readonly ms: number;
}

export interface TracedPicture {
  /** A `data:` URL. */
  readonly source: string;
  readonly grid: { readonly rows: number; readonly columns: number };
  readonly numTokens: number;
  readonly known: boolean;
  /** [layer][query][patch]: the mean over the heads of what a query gave a patch. */
  readonly layers: readonly (readonly (readonly number[])[])[];
}

export interface TraceData {
  readonly stages: {
    readonly readMs: number;
    readonly visionMs: number;
    readonly prefillMs: number;
    readonly decodeMs: number;
  };
  readonly tokens: readonly TracedToken[];
  readonly images: readonly TracedPicture[];
}

/** Points on a line from `low` to `high`, in percent. */
export interface GoldenRow {
  readonly group: string;
  readonly asked: number;
  readonly low: number;
  readonly value: number;
  readonly high: number;
}

export interface GoldenEntry {
  readonly origin: string;
  readonly question: string;
  readonly expected: string;
  readonly answers: readonly {
    readonly text: string;
    readonly correct: boolean;
    readonly failure?: string | undefined;
  }[];
  /** A `data:` URL. */
  readonly image?: string | undefined;
}

export interface GoldenData {
  /** One, or two that are compared. */
  readonly versions: readonly string[];
  /** Of two: how they differ. */
  readonly sentence?: Sentence | undefined;
  readonly rows: readonly GoldenRow[];
  readonly total: number;
  readonly entries: readonly GoldenEntry[];
}

/** Of one category: how many harmless pictures are hit for how many that should be, by threshold. */
export interface RocCurve {
  readonly category: string;
  readonly images: number;
  readonly others: number;
  readonly area: number;
  readonly points: readonly (readonly [falsePositiveRate: number, truePositiveRate: number])[];
  readonly chosen: {
    /** Absent: nothing is hit. */
    readonly threshold?: number;
    readonly truePositiveRate: number;
    readonly falsePositiveRate: number;
  };
}

export interface RocData {
  readonly curves: readonly RocCurve[];
}

/** By kind of page: the name of its script and style. */
export interface PageKinds {
  readonly inspect: InspectData;
  readonly diff: DiffData;
  readonly trace: TraceData;
  readonly golden: GoldenData;
  readonly roc: RocData;
}
