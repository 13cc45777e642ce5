/** Texts and pictures looked at by all guards, at whichever door they stand, and refused nothing: what fired, where, why. */
import type { ImageInput } from "../core/image/node/index.js";
import type { Evaluation } from "./evaluation.js";
import type { ImageReader } from "./image-reader.js";
import { type Action, type Guard, type GuardReport, type Judged, type Subject, strictest } from "./verdict.js";

export interface Moderated {
  readonly verdict: Action;
  readonly findings: readonly ModeratedFinding[];
  readonly reports: readonly GuardReport[];
}

export interface ModeratedFinding extends Judged {
  readonly guard: string;
  /** Which of the subjects, from 0. */
  readonly part: number;
  readonly subject: "text" | "image";
}

export async function moderate(
  subjects: readonly (string | { readonly image: ImageInput })[],
  evaluation: Evaluation,
  guards: readonly Guard[],
  images: ImageReader,
  signal: AbortSignal,
): Promise<Moderated> {
  const distinct = guards.filter(({ name }, i) => guards.findIndex((guard) => guard.name === name) === i);
  const look = async (given: (typeof subjects)[number], part: number) => {
    const subject: Subject =
      typeof given === "string" ? { kind: "text", text: given } : (await images.read(given.image, signal)).whole;
    const own = distinct.filter(({ reads }) => reads.includes(subject.kind));
    const kind = subject.kind === "text" ? ("text" as const) : ("image" as const);
    return (await evaluation.look(subject, own, signal)).map(({ guard, verdict }) => ({
      verdict: verdict.verdict,
      findings: verdict.findings.map((found) => ({ ...found, guard: guard.name, part, subject: kind })),
    }));
  };
  const done: Awaited<ReturnType<typeof look>> = [];
  try {
    for (const [part, given] of subjects.entries()) done.push(...(await look(given, part))); // one picture in memory
  } finally {
    await evaluation.record("input");
  }
  return {
    verdict: strictest(done.map(({ verdict }) => verdict)),
    findings: done.flatMap(({ findings }) => findings),
    reports: evaluation.reports,
  };
}
