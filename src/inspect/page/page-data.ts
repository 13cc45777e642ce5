/**
 * What the scripts of our report pages (web/src/reports/) find in a page, as JSON. Types alone, and none of Node: they are
 * compiled for the browser too.
 */

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
  readonly leftOut?: string | undefined;
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
  readonly advice?: readonly string[];
}

export interface InspectData extends ReportData<InspectedTensor, Room & { readonly part: string }> {
  readonly healthy: boolean;
  readonly findings: readonly InspectedFinding[];
  readonly numBad: number;
  readonly numNotes: number;
  readonly files: readonly string[];
  readonly about: {
    readonly problem?: string | undefined;
    readonly notes: readonly string[];
    readonly answers: readonly { readonly question: string; readonly answer: string }[];
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
  readonly configsLeftOut?: string | undefined;
  readonly names: readonly (readonly [what: string, name: string, detail: string])[];
  readonly namesLeftOut?: string | undefined;
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
  readonly sentence: string;
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
