/**
 * One question on its way to a model, and its answer on the way back: every text and picture through every guard that the
 * policy has for who asks, reported to the response, the audit log and the meters.
 */
import { OcellusError } from "../core/base/index.js";
import type { AuditLog } from "./audit.js";
import type { Asked } from "./guard-context.js";
import { type AnswerForm, redacted } from "./layout.js";
import { textDigest } from "./memory.js";
import type { Pseudonyms } from "./pseudonyms.js";
import { countWhile } from "./redact.js";
import {
  actions,
  type Guard,
  type GuardReport,
  type Judged,
  type Reach,
  type Stage,
  type Subject,
  type Verdict,
} from "./verdict.js";

/** One guard has looked at one text or picture. */
export interface Check {
  readonly guard: Guard;
  readonly subject: SubjectName;
  readonly verdict: Verdict;
  readonly ms: number;
}

/** What the log says of a subject: never what is in it. */
export interface SubjectName {
  readonly kind: Subject["kind"];
  readonly sha256: string;
  readonly view?: string;
  /** Only where the policy wants texts in the log: as it may pass, without what is redacted. */
  readonly text?: string;
}

export interface EvaluationParts {
  readonly asked: Asked;
  readonly guards: readonly Guard[];
  /** Of the model. */
  readonly model: string;
  readonly policyVersion: string;
  readonly audit: AuditLog | undefined;
  readonly keepsTexts: boolean;
  readonly onCheck: (check: Check) => void;
  /** Of a question that has an answer. */
  readonly pseudonyms?: Pseudonyms | undefined;
}

export class Evaluation {
  readonly #parts: EvaluationParts;
  #checks: Check[] = [];

  constructor(parts: EvaluationParts) {
    this.#parts = parts;
  }

  guards(stage: Stage, kind: Subject["kind"]): readonly Guard[] {
    return this.#parts.guards.filter((guard) => guard.stage === stage && guard.reads.includes(kind));
  }

  /** The text as it may pass, with what the policy redacts cut out. @throws `blocked`, `unavailable`. */
  async text(text: string, signal: AbortSignal, form?: AnswerForm): Promise<string> {
    if (text === "") return text;
    const checks = await this.look({ kind: "text", text }, this.guards("input", "text"), signal);
    this.#refuse(checks, "a text");
    return redacted(text, findingsOf(checks), this.pseudonyms?.hide, form);
  }

  get pseudonyms(): Pseudonyms | undefined {
    return this.#parts.pseudonyms;
  }

  /**
   * Looks for what stands across two texts that are read one after the other; it has no one place to be cut out of, so to
   * redact it is to block it. Only guards that watch: those that judge a whole have judged each. @throws `blocked`, `unavailable`.
   */
  async seams(texts: readonly string[], reach: Reach, signal: AbortSignal): Promise<void> {
    if (texts.length < 2) return;
    let length = 0;
    const ends = texts.map((text) => (length += text.length));
    const subject: Subject = { kind: "text", text: texts.join("") };
    const crosses = ({ span }: Judged) =>
      span !== undefined && ends[countWhile(ends, (end) => end <= span.start)]! < span.end;
    for (const guard of this.guards("input", "text").filter(({ watch }) => watch)) {
      if (reach === "conversation" && guard.reach !== reach) continue;
      const started = performance.now();
      const { findings, ...all } = await guard.check(subject, signal);
      const crossing = findings.filter(crosses);
      if (crossing.length === 0 && all.failed === undefined) continue;
      const verdict = all.failed === undefined ? guard.judge(crossing) : { ...all, findings };
      const check = { guard, subject: this.name(subject, findings), verdict, ms: performance.now() - started };
      this.note(guard, check.subject, verdict, check.ms);
      this.#refuse([check], "a text in two parts", "redact");
    }
  }

  /** @throws `blocked`, `unavailable`. A picture has no place to write asterisks on: to redact it is to block it. */
  async image(views: readonly Subject[], signal: AbortSignal): Promise<void> {
    const guards = this.guards("input", "image");
    for (const view of views) this.#refuse(await this.look(view, guards, signal), "an image", "redact");
  }

  get reports(): readonly GuardReport[] {
    return this.#parts.asked.reports;
  }

  note(guard: Guard, subject: SubjectName, verdict: Verdict, ms: number): void {
    const check = { guard, subject, verdict, ms };
    this.#checks.push(check);
    report(this.#parts.asked.reports, check);
    this.#parts.onCheck(check);
  }

  /** @param findings what all guards have found in it */
  name(subject: Subject, findings: readonly Judged[] = []): SubjectName {
    if (subject.kind === "image") return { kind: "image", sha256: subject.digest, view: subject.view };
    const { text } = subject;
    return {
      kind: "text",
      sha256: textDigest(text),
      ...(this.#parts.keepsTexts && { text: redacted(text, findings) }),
    };
  }

  /** Writes what was checked since the last time; nothing continues before it is written. @throws `io`. */
  async record(stage: Stage, answer?: { readonly text: string; readonly finishReason: string }): Promise<void> {
    const { asked, audit, model, policyVersion } = this.#parts;
    const checks = this.#checks;
    this.#checks = [];
    await audit?.append({
      ...{ request: asked.request, key: asked.key, route: asked.route, model, policy: policyVersion, stage },
      ...(answer && { answer: { ...this.name({ kind: "text", text: answer.text }), finish: answer.finishReason } }),
      checks: checks.map(auditCheck),
    });
  }

  /** Every guard at one subject, each noted. */
  async look(subject: Subject, guards: readonly Guard[], signal: AbortSignal): Promise<Check[]> {
    if (guards.length === 0) return [];
    const looks = await Promise.all(
      guards.map(async (guard) => {
        const started = performance.now();
        const verdict = await guard.check(subject, signal);
        return { guard, verdict, ms: performance.now() - started };
      }),
    );
    const name = this.name(subject, findingsOf(looks));
    for (const { guard, verdict, ms } of looks) this.note(guard, name, verdict, ms);
    return looks.map((look) => ({ ...look, subject: name }));
  }

  #refuse(checks: readonly Check[], what: string, from: "redact" | "block" = "block"): void {
    const refused = checks.find(({ verdict }) => verdict.verdict === "block" || verdict.verdict === from);
    if (refused) throw refusal(refused, what, this.reports);
  }
}

/** Which guard refused what, and, when it could not look, that it could not. */
export function refusal({ guard, verdict }: Check, what: string, reports: readonly GuardReport[]): OcellusError {
  const details = { guards: reports };
  if (verdict.failed !== undefined)
    return new OcellusError(
      "unavailable",
      `the guard ${guard.name} could not check ${what} (${verdict.failed}), and what is not checked does not pass`,
      { details },
    );
  const worst = worstOf(verdict);
  const why = worst ? `: ${worst.category} (${worst.score.toFixed(2)})` : "";
  return new OcellusError("blocked", `${what} was blocked by the guard ${guard.name}${why}`, { details });
}

export function findingsOf(checks: readonly Pick<Check, "verdict">[]): Judged[] {
  return checks.flatMap(({ verdict }) => verdict.findings);
}

/** The finding that decided. */
export function worstOf({ verdict, findings }: Verdict): Judged | undefined {
  const deciding = findings.filter(({ action }) => action === verdict);
  return deciding.reduce<Judged | undefined>((a, b) => (a && a.score >= b.score ? a : b), undefined);
}

/** One line a guard and stage: its strictest verdict, a failure before none, and the time of all. */
function report(reports: GuardReport[], { guard, verdict, ms }: Check): void {
  const at = reports.findIndex(({ name, stage }) => name === guard.name && stage === guard.stage);
  const before = reports[at];
  const worst = worstOf(verdict);
  const own: GuardReport = {
    ...{ name: guard.name, version: guard.version, stage: guard.stage, verdict: verdict.verdict, ms },
    ...(worst && worst.action !== "allow" && placeOf(worst)),
    ...(verdict.failed !== undefined && { failed: verdict.failed }),
  };
  if (before) reports[at] = { ...(rank(own) > rank(before) ? own : before), ms: before.ms + ms };
  else reports.push(own);
}

function placeOf({ category, score, region }: Judged): Pick<GuardReport, "category" | "score" | "region"> {
  return { category, score, ...(region && { region }) };
}

function rank({ verdict, failed }: GuardReport): number {
  return 2 * actions.indexOf(verdict) + (failed === undefined ? 0 : 1);
}

function auditCheck({ guard, subject, verdict, ms }: Check) {
  return {
    ...{
      guard: guard.name,
      version: guard.version,
      ...subject,
      verdict: verdict.verdict,
      ms: Math.round(ms * 100) / 100,
    },
    ...(verdict.failed !== undefined && { failed: verdict.failed }),
    findings: verdict.findings
      .filter(({ action }) => action !== "allow")
      .slice(0, 20) // of a text full of them, the first say enough
      .map(({ category, score, action, span, region }) => ({ category, score, action, span, region })),
  };
}
