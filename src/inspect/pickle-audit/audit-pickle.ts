/**
 * What a pickle would do if Python loaded it, found by reading its instructions and doing none of them: a pickle has no
 * jumps and no loops, so one pass sees every import and every call. Works on any size: the pickle is read through a
 * window, and what is in long strings is stepped over.
 */
import { OcellusError, printable, shorten, throwIfAborted } from "../../core/base/index.js";
import { PickleReader } from "../../core/checkpoint/index.js";
import type { ByteSource } from "../../core/fs/index.js";
import { AuditMachine, type NestedPickle } from "./audit-machine.js";
import { type Verdict, worst } from "./audit-names.js";
import type { PickleCall, PickleImport } from "./audit-record.js";
import { maxText } from "./audit-values.js";

const brokenFrame = "an instruction crosses the end of its frame: loaders do not agree on what it says";

export interface PickleAudit {
  /** The archive entry, or which one of a file of several; of bytes within, where they stand. */
  readonly where: string;
  readonly verdict: Verdict;
  readonly protocol: number;
  readonly numInstructions: number;
  /** In the order of the pickle. */
  readonly imports: readonly PickleImport[];
  readonly calls: readonly PickleCall[];
  /** What else is odd, in sentences: any of them makes the verdict at least suspicious. */
  readonly problems: readonly string[];
}

export interface AuditedPickle {
  readonly audit: PickleAudit;
  /** Where it ends, behind its STOP; undefined when it has none. */
  readonly end: number | undefined;
  /** The value it leaves, as one would write it. */
  readonly value: string;
  readonly nested: readonly NestedPickle[];
}

/** Half a second. The pickle of an 8B model has some 20,000, about 40 a tensor. */
const maxInstructions = 2 ** 21;
const windowBytes = 256 * 1024;
/** Only lines have no length before them. Protocol 0 writes arrays as lines, small ones. */
const maxWindowBytes = 16 * 2 ** 20;

/** What may still be spent on a file; shared by all its pickles. */
export interface AuditBudget {
  numInstructions: number;
  /** Pickles, and archive entries that may be some. A published file has at most five. */
  numPickles: number;
  /** Out of compressed entries. PyTorch compresses nothing; a bomb gives a thousand bytes for one. */
  inflatedBytes: number;
}

export function newAuditBudget(): AuditBudget {
  return { numInstructions: maxInstructions, numPickles: 256, inflatedBytes: 32 * 2 ** 20 };
}

export interface PickleAuditOptions {
  /** Where it begins. */
  readonly start?: number;
  readonly budget?: AuditBudget;
  readonly signal?: AbortSignal | undefined;
}

/** Audits one pickle; `where` is what the audit calls it. @throws `io`, `aborted`. */
export async function auditPickle(
  source: ByteSource,
  where: string,
  { start = 0, budget = newAuditBudget(), signal }: PickleAuditOptions = {},
): Promise<AuditedPickle> {
  const machine = new AuditMachine();
  const before = budget.numInstructions;
  let end: number | undefined;
  try {
    end = await walk(source, start, machine, budget, signal);
  } catch (error) {
    if (!(error instanceof OcellusError) || error.code !== "invalid_file") throw error;
    machine.record.problems.add(shorten(error.message, 200));
  }
  const { record } = machine;
  const audit: PickleAudit = {
    where: printable(shorten(where)),
    verdict: worst([record.verdict, record.problems.size > 0 ? "suspicious" : "safe"]),
    protocol: machine.protocol,
    numInstructions: before - budget.numInstructions,
    imports: [...record.imports.values()],
    calls: [...record.calls.values()],
    problems: [...record.problems],
  };
  return { audit, end, value: machine.lastValue, nested: machine.nested };
}

/** Steps through the pickle; gives the place behind its STOP. @throws `invalid_file` where Python would stop. */
async function walk(
  source: ByteSource,
  start: number,
  machine: AuditMachine,
  budget: AuditBudget,
  signal: AbortSignal | undefined,
): Promise<number> {
  let reader = new PickleReader(new Uint8Array(0), start, maxText);
  let frameEnd = start;
  for (let size = windowBytes; ; ) {
    const instruction = reader.next();
    if (instruction) {
      if (budget.numInstructions-- <= 0) throw broken(`it was followed for ${maxInstructions} instructions only`);
      machine.step(instruction);
      // Python's C reader forgets the first half of a line here, and so reads another name than its Python reader.
      if (instruction.at < frameEnd && reader.position > frameEnd) machine.record.problems.add(brokenFrame);
      if (instruction.name === "FRAME") frameEnd = reader.position + instruction.number;
      if (instruction.name === "STOP") return reader.position;
      size = windowBytes;
      continue;
    }
    throwIfAborted(signal);
    const at = reader.position;
    if (at >= source.size || size > maxWindowBytes) throw broken("it ends in the middle of an instruction");
    const window = await source.read(at, Math.min(size, source.size - at));
    reader = new PickleReader(window, at, maxText);
    size = at + window.length === source.size ? Number.POSITIVE_INFINITY : size * 4;
  }
}

function broken(reason: string): OcellusError {
  return new OcellusError("invalid_file", reason);
}
