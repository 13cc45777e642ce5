/**
 * Is the output head the embedding table? Answered by bytes, since configs forget to say it or say it wrongly: a head
 * that is not in the file is the table; one that is there is compared, whole where that is quick, else by samples of
 * which one that differs is a proof, and none that differs is not (`proveHead` then reads everything).
 */
import { throwIfAborted } from "../core/base/index.js";
import type { Checkpoint } from "../core/checkpoint/index.js";
import { byteLength, elementCount, sameShape, type TensorInfo } from "../core/tensor/index.js";
import { headMatrix, tokenTable } from "./place.js";

/** absent: the head is not stored; equal: every byte; equal_samples: all samples; different: at least one byte. */
export type HeadVerdict = "absent" | "equal" | "equal_samples" | "different";

export interface Head {
  readonly embedding: string;
  /** Name of the stored head. */
  readonly head?: string;
  readonly verdict: HeadVerdict;
  readonly comparedBytes: number;
  /** `tie_word_embeddings` of the config. */
  readonly configSaysTied?: boolean;
}

/** Compared whole up to this: 2 × 64 MB are read in some 50 ms from memory. */
const quickBytes = 64e6;
const numSamples = 64;
const sampleElements = 8192;
/** Elements read at a time when all are compared. */
const pieceElements = 2 ** 22;

/** Undefined where there is no embedding table, as in an encoder. */
export async function describeHead(checkpoint: Checkpoint, configJson: unknown): Promise<Head | undefined> {
  const names = [...checkpoint.names()];
  const embedding = names.find((name) => tokenTable.test(name));
  if (!embedding) return undefined;
  const head = names.find((name) => headMatrix.test(name));
  const says = saysTied(configJson);
  const base = { embedding, ...(says !== undefined && { configSaysTied: says }) };
  if (!head) return { ...base, verdict: "absent", comparedBytes: 0 };
  return { ...base, head, ...(await compareQuickly(checkpoint, embedding, head)) };
}

/** The same with every byte compared where samples left it open. @throws `aborted`. */
export async function proveHead(checkpoint: Checkpoint, head: Head, signal?: AbortSignal): Promise<Head> {
  if (head.verdict !== "equal_samples" || !head.head) return head;
  return { ...head, ...(await compareWhole(checkpoint, head.embedding, head.head, signal)) };
}

function saysTied(json: unknown): boolean | undefined {
  const config = json as { tie_word_embeddings?: unknown; text_config?: { tie_word_embeddings?: unknown } } | undefined;
  const said = config?.tie_word_embeddings ?? config?.text_config?.tie_word_embeddings;
  return typeof said === "boolean" ? said : undefined;
}

type Comparison = Pick<Head, "verdict" | "comparedBytes">;

async function compareQuickly(checkpoint: Checkpoint, a: string, b: string): Promise<Comparison> {
  const [x, y] = [checkpoint.info(a)!, checkpoint.info(b)!];
  if (!sameLayout(x, y)) return { verdict: "different", comparedBytes: 0 };
  if (byteLength(x.dtype, x.shape) <= quickBytes) return compareWhole(checkpoint, a, b);
  const count = elementCount(x.shape);
  let comparedBytes = 0;
  for (let i = 0; i < numSamples; i++) {
    const start = Math.floor(((count - sampleElements) * i) / (numSamples - 1));
    const same = await equalRange(checkpoint, a, b, start, start + sampleElements);
    comparedBytes += byteLength(x.dtype, [sampleElements]);
    if (!same) return { verdict: "different", comparedBytes };
  }
  return { verdict: "equal_samples", comparedBytes };
}

async function compareWhole(checkpoint: Checkpoint, a: string, b: string, signal?: AbortSignal): Promise<Comparison> {
  const { dtype, shape } = checkpoint.info(a)!;
  const differentAt = await firstDifference(checkpoint, a, b, signal);
  if (differentAt === undefined) return { verdict: "equal", comparedBytes: byteLength(dtype, shape) };
  return { verdict: "different", comparedBytes: byteLength(dtype, [differentAt]) };
}

/** Elements compared until two differ; undefined when all bytes are equal. */
export async function firstDifference(
  checkpoint: Checkpoint,
  a: string,
  b: string,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const count = elementCount(checkpoint.info(a)!.shape);
  for (let start = 0; start < count; start += pieceElements) {
    throwIfAborted(signal);
    const end = Math.min(count, start + pieceElements);
    if (!(await equalRange(checkpoint, a, b, start, end))) return end;
  }
  return undefined;
}

export function sameLayout(a: TensorInfo, b: TensorInfo): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

async function equalRange(checkpoint: Checkpoint, a: string, b: string, start: number, end: number): Promise<boolean> {
  const [x, y] = await Promise.all([checkpoint.readRange(a, start, end), checkpoint.readRange(b, start, end)]);
  return Buffer.compare(x, y) === 0;
}
