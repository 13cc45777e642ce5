/**
 * What one more rule, the last of a policy, would have done to what the audit log holds. The log has findings that were flagged,
 * redacted or blocked, the first 20 of each check, and no texts: what passed without a word is not in it, so that of a stricter
 * threshold it says nothing.
 */
import { open, stat } from "node:fs/promises";
import { z } from "zod";
import { throwIfAborted } from "../core/base/index.js";
import { readLines } from "../core/fs/index.js";
import { maxAuditLineBytes, readUnmoved } from "./audit-chain.js";
import { type Rule, ruleConcerns, rulesForCategory } from "./policy.js";
import { type Action, actions } from "./verdict.js";

const checkSchema = z.object({
  guard: z.string(),
  kind: z.enum(["text", "image"]),
  verdict: z.enum(actions),
  failed: z.string().optional(),
  findings: z.array(z.object({ category: z.string(), score: z.number(), action: z.enum(actions) })),
});
const lineSchema = z.object({
  ...{ time: z.string(), request: z.string(), key: z.string(), route: z.string() },
  stage: z.enum(["input", "output"]),
  checks: z.array(checkSchema),
});
type Line = z.infer<typeof lineSchema>;
type LoggedCheck = z.infer<typeof checkSchema>;

export interface ReplayedCheck extends Pick<Line, "time" | "request" | "route" | "stage"> {
  readonly guard: string;
  readonly kind: "text" | "image";
  readonly category: string;
  readonly score: number;
  readonly before: Action;
  readonly after: Action;
}

export interface Replay {
  readonly numLines: number;
  readonly numChecks: number;
  /** Checks with a finding that the rule reaches. */
  readonly numReached: number;
  /** Those whose verdict it would have changed, by what it was and what it would have been. */
  readonly changes: readonly { readonly before: Action; readonly after: Action; readonly count: number }[];
  /** The newest of these. */
  readonly examples: readonly ReplayedCheck[];
  /** Lines of the time that was asked for were not read: older ones, or ones that are too long. */
  readonly isCut: boolean;
}

/** Of the newest: read in a few seconds; a busy server writes as much in a week. */
const maxBytes = 512 * 2 ** 20;
/** Parsed in some 30 ms, for which nothing else is answered: 20 findings of each of some thousand checks. */
const maxLineBytes = 4 * 2 ** 20;
/** A page of a panel. */
const maxExamples = 50;

interface ReplayLimits {
  readonly maxBytes: number;
  readonly maxLineBytes: number;
}

/** @param file of the policy's log. @throws `not_found`, `io`, `too_large`, `aborted`. */
export function replayRule(
  file: string,
  rule: Rule,
  since: Date,
  signal: AbortSignal,
  limits: ReplayLimits = { maxBytes, maxLineBytes },
): Promise<Replay> {
  return readUnmoved(file, async (files) => {
    const tally = new Tally(rule);
    const { pieces, isCut } = await piecesSince(files, since, limits);
    let hasLong = false;
    for (const { path, start } of pieces)
      for await (const { text, isWhole } of readLines(path, maxAuditLineBytes, { start })) {
        throwIfAborted(signal);
        const isLong = text.length > limits.maxLineBytes;
        hasLong ||= isLong;
        const line = isWhole && !isLong ? parsedLine(text) : undefined;
        if (line && Date.parse(line.time) >= since.getTime()) tally.take(line);
      }
    return { ...tally.result(), isCut: isCut || hasLong };
  });
}

/** A file from some byte on; the rest of a line that it begins within is none, and is left out as such. */
interface Piece {
  readonly path: string;
  readonly start: number;
}

/** Oldest first; files that end before the time are left out, and of too many bytes the oldest. */
async function piecesSince(
  files: readonly string[],
  since: Date,
  limits: ReplayLimits,
): Promise<{ pieces: Piece[]; isCut: boolean }> {
  const pieces: Piece[] = [];
  let left = limits.maxBytes;
  for (const path of [...files].reverse()) {
    const { size } = await stat(path).catch(() => ({ size: 0 }));
    const start = Math.max(0, size - left);
    pieces.unshift({ path, start });
    if (start > 0) return { pieces, isCut: true };
    left -= size;
    const first = await firstTime(path);
    if (first !== undefined && first < since.getTime()) break;
  }
  return { pieces, isCut: false };
}

/** Of its first line, read from its beginning alone. */
async function firstTime(path: string): Promise<number | undefined> {
  const handle = await open(path).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    const found = /"time":"([^"]{10,40})"/.exec(buffer.toString("latin1", 0, bytesRead))?.[1];
    return found === undefined ? undefined : Date.parse(found) || undefined;
  } finally {
    await handle.close();
  }
}

function parsedLine(text: string): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // verifying the log is another command's work
  }
}

class Tally {
  readonly #rule: Rule;
  #numLines = 0;
  #numChecks = 0;
  #numReached = 0;
  readonly #changes = new Map<string, number>();
  #examples: ReplayedCheck[] = [];

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  take(line: Line): void {
    this.#numLines++;
    for (const check of line.checks) {
      this.#numChecks++;
      if (check.failed === undefined && ruleConcerns(this.#rule, line, check.guard, line.stage))
        this.#judge(line, check);
    }
  }

  #judge({ time, request, route, stage }: Line, { guard, kind, verdict, findings }: LoggedCheck): void {
    const reached = findings.filter(({ category, score }) => reaches(this.#rule, category, score));
    const [first] = reached;
    if (!first) return;
    this.#numReached++;
    const after = strictest(
      findings.map((finding) => (reached.includes(finding) ? this.#rule.action : finding.action)),
    );
    if (after === verdict) return;
    const key = `${verdict} ${after}`;
    this.#changes.set(key, (this.#changes.get(key) ?? 0) + 1);
    const { category, score } = reached.reduce((a, b) => (b.score > a.score ? b : a), first);
    const example = { time, request, route, stage, guard, kind, category, score, before: verdict, after };
    this.#examples = [example, ...this.#examples].slice(0, maxExamples);
  }

  result(): Omit<Replay, "isCut"> {
    const changes = [...this.#changes].map(([key, count]) => {
      const [before, after] = key.split(" ") as [Action, Action];
      return { before, after, count };
    });
    const counts = { numLines: this.#numLines, numChecks: this.#numChecks, numReached: this.#numReached };
    return { ...counts, changes: changes.sort((a, b) => b.count - a.count), examples: this.#examples };
  }
}

function reaches(rule: Rule, category: string, score: number): boolean {
  return score >= rule.threshold && rulesForCategory([rule], category).length > 0;
}

function strictest(all: readonly Action[]): Action {
  return all.reduce((a, b) => (actions.indexOf(b) > actions.indexOf(a) ? b : a), "allow");
}
