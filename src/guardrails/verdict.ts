/** What guards look at, and what they say of it. Categories are those of OpenAI's moderation API; lists may add their own. */
import type { RgbImage } from "../core/image/spec/index.js";

/** Of OpenAI's moderation API, spelled as there. */
export const openAiCategories = [
  ...["harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"],
  ...["self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors"],
  ...["violence", "violence/graphic"],
] as const;

/** Longer ones would be labels of metrics that no one reads. */
export const categoryPattern = /^[a-z0-9][a-z0-9_-]{0,39}(\/[a-z0-9][a-z0-9_-]{0,39})?$/;

export type Stage = "input" | "output";
/** From the mildest to the strictest; a picture that should be redacted is blocked. */
export const actions = ["allow", "flag", "redact", "block"] as const;
export type Action = (typeof actions)[number];

/** Where a text may go on in another: within the messages of one role in a row, or in any message of the conversation. */
export const reaches = ["turn", "conversation"] as const;
export type Reach = (typeof reaches)[number];

export interface TextSubject {
  readonly kind: "text";
  readonly text: string;
}

export interface ImageSubject {
  readonly kind: "image";
  /** SHA-256 of the decoded picture, whichever view of it this is. */
  readonly digest: string;
  /** "seen": exactly what the model is shown, after its cut and its scaling. */
  readonly view: "whole" | "seen";
  /** Size of what the model is shown; undefined for the whole picture. */
  readonly frame?: string | undefined;
  /** @throws as `decodeImage`. */
  readonly pixels: () => Promise<RgbImage>;
}

export type Subject = TextSubject | ImageSubject;

/** Where in a text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where in a picture, in pixels of the view that was looked at. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One thing that was seen, whatever a policy makes of it. */
export interface Finding {
  readonly category: string;
  /** From 0 to 1. */
  readonly score: number;
  /** For a person: what fired. Never the whole text. */
  readonly reason: string;
  /** Absent: the whole text, the whole picture. */
  readonly span?: Span;
  readonly region?: Region;
}

/** A finding, and what the policy does about it. */
export interface Judged extends Finding {
  readonly action: Action;
  /** Stands in the place of what is redacted; absent: an asterisk for each character. */
  readonly replacement?: string;
  /** Whether a pseudonym is there, which the caller's answer gives back. */
  readonly pseudonym?: boolean;
  /** The value that a pseudonym of the prompt stands for, to be put back. */
  readonly restored?: string;
  /** What becomes of a number in JSON that is redacted. Default: null. */
  readonly jsonNumber?: "null" | "string";
}

export interface Verdict {
  /** The strictest of its findings' actions. */
  readonly verdict: Action;
  readonly findings: readonly Judged[];
  /** The guard could not say; `verdict` is what the policy does then. */
  readonly failed?: string;
}

/** Finds things; knows no policy. */
export interface Detector {
  /** Of everything that its findings depend on: code, weights, lists, prompts. */
  readonly version: string;
  readonly reads: readonly Subject["kind"][];
  /** Subjects for which what it found is worth keeping: finding it costs more than a look into a table. */
  readonly remembers: readonly Subject["kind"][];
  look(subject: Subject, signal: AbortSignal): Promise<readonly Finding[]>;
  /** For texts that are still being written; absent: they are held back until they are whole. */
  watch?(): TextWatch;
  close?(): Promise<void>;
}

export interface TextWatch {
  /** Findings are in units of the whole text; all that begin before `ready` have been told. */
  push(chunk: string): { readonly ready: number; readonly findings: readonly Finding[] };
  end(): readonly Finding[];
}

/** A detector under a policy. */
export interface Guard {
  readonly name: string;
  readonly version: string;
  readonly stage: Stage;
  readonly reads: Detector["reads"];
  /** Never throws but for the caller's own signal: a guard that cannot say has a verdict too. */
  check(subject: Subject, signal: AbortSignal): Promise<Verdict>;
  /** How far a finding may stretch over messages; absent: a turn. */
  readonly reach?: Reach | undefined;
  /** As the detector's. */
  readonly watch: Detector["watch"];
  judge(findings: readonly Finding[]): Verdict;
  failure(reason: string): Verdict;
}

/** What a response says of one guard. */
export interface GuardReport {
  readonly name: string;
  readonly version: string;
  readonly stage: Stage;
  readonly verdict: Action;
  readonly ms: number;
  readonly category?: string;
  readonly score?: number;
  /** Of the finding that decided, where it is in one place of an image. */
  readonly region?: Region;
  readonly failed?: string;
}

export function strictest(found: readonly Action[]): Action {
  const rank = found.reduce((most, action) => Math.max(most, actions.indexOf(action)), 0); // too many to spread
  return actions[rank]!;
}
