/** A detector under a policy: its findings judged, its time bounded, its failures decided, what it found remembered. */
import { throwIfAborted } from "../core/base/index.js";
import type { VerdictMemory } from "./memory.js";
import { judged, type Rule, rulesForCategory } from "./policy.js";
import {
  type Detector,
  type Finding,
  type Guard,
  type Reach,
  type Stage,
  type Subject,
  strictest,
  type Verdict,
} from "./verdict.js";

export interface Binding {
  readonly name: string;
  readonly stage: Stage;
  readonly rules: readonly Rule[];
  readonly timeoutMs: number;
  readonly reach?: Reach | undefined;
  readonly onFailure: "block" | "allow";
  readonly memory: VerdictMemory;
}

export function bind(detector: Detector, binding: Binding): Guard {
  const { name, stage, reach, rules, timeoutMs, onFailure, memory } = binding;
  const byCategory = new Map<string, Rule[]>(); // there may be as many findings as characters, and thousands of rules
  const rulesOf = (category: string) => {
    const known = byCategory.get(category) ?? rulesForCategory(rules, category);
    byCategory.set(category, known);
    return known;
  };
  const judge = (findings: readonly Finding[]): Verdict => {
    const all = findings.map((finding) => judged(finding, rulesOf(finding.category)));
    return { verdict: strictest(all.map(({ action }) => action)), findings: all };
  };
  const failure = (reason: string): Verdict => ({ verdict: onFailure, findings: [], failed: reason });
  return {
    name,
    stage,
    reach,
    version: detector.version,
    reads: detector.reads,
    watch: detector.watch?.bind(detector),
    judge,
    failure,
    async check(subject, signal) {
      throwIfAborted(signal);
      try {
        const look = () => inTime(detector, subject, timeoutMs, signal);
        return judge(
          detector.remembers.includes(subject.kind)
            ? await memory.remember(`${name}@${detector.version}`, subject, look)
            : await look(),
        );
      } catch (error) {
        throwIfAborted(signal);
        return failure(error instanceof Error ? error.message : String(error));
      }
    },
  };
}

/** A detector that hears no signal is left alone: nothing waits for it. */
function inTime(
  detector: Detector,
  subject: Subject,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const late = new AbortController();
  const both = AbortSignal.any([signal, late.signal]);
  return new Promise((resolve, reject) => {
    const give = () => reject(signal.aborted ? signal.reason : new Error(`no verdict within ${timeoutMs} ms`));
    const timer = setTimeout(() => late.abort(), timeoutMs);
    both.addEventListener("abort", give, { once: true });
    const end = () => {
      clearTimeout(timer);
      both.removeEventListener("abort", give);
    };
    detector.look(subject, both).then(resolve, reject).finally(end);
  });
}
