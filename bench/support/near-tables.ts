/** What was counted while trying near reuse, scene by scene, and the tables of it. */
import type { Kind } from "./near-scenes.js";

export interface Counts {
  asked: number;
  near: number;
  proposed: number;
  /** Pooled features at a cosine of 0.95 or more. */
  bare: number;
}

/** Of near hits: by how many the model's answer about the variant itself differs, and which of the two was right. */
interface AnswerCounts {
  near: number;
  changed: number;
  keptRight: number;
  ownRight: number;
}

export interface SceneCounts {
  readonly kind: Kind | "box";
  readonly seed: number;
  /** By variant. */
  readonly harmless: Record<string, Counts>;
  /** Each trial by what was changed, and by which picture was kept. */
  readonly hard: Record<string, Counts>;
  /** By variant. */
  readonly answers: Record<string, AnswerCounts>;
}

export function sceneCounts(kind: SceneCounts["kind"], seed: number): SceneCounts {
  return { kind, seed, harmless: {}, hard: {}, answers: {} };
}

export function report(scenes: readonly SceneCounts[]): void {
  const kinds = [...new Set(scenes.map(({ kind }) => kind))];
  for (const part of ["harmless", "hard"] as const) {
    const all = sums(scenes.map((scene) => scene[part]));
    const columns = kinds.map((kind) =>
      sums(scenes.filter((scene) => scene.kind === kind).map((scene) => scene[part])),
    );
    print([
      part === "harmless" ? "harmless: reused" : "changed: false hits",
      ...kinds,
      "all",
      "proposed",
      "bare cosine",
    ]);
    for (const [name, counts] of Object.entries(all))
      print([name, ...columns.map((column) => shareOf(column[name], "near")), ...sharesOf(counts)]);
    const total = (column: Record<string, Counts>) => sums([Object.fromEntries(rows(part, column))], "all").all;
    print(["all", ...columns.map((column) => shareOf(total(column), "near")), ...sharesOf(total(all))]);
    console.log();
  }
  reportAnswers(scenes);
}

/** Hard trials are counted twice: once by what was changed, which is what adds up. */
const hows = ["picture kept", "variant kept", "other way round"];
const rows = (part: "harmless" | "hard", column: Record<string, Counts>) =>
  Object.entries(column).filter(([name]) => part === "harmless" || !hows.includes(name));

function reportAnswers(scenes: readonly SceneCounts[]): void {
  const byVariant = sums(scenes.map(({ answers }) => answers));
  const { all } = sums([byVariant], "all");
  if (!all) return;
  print(["answers about variants", "near", "changed", "kept right", "own right"]);
  for (const [name, { near, changed, keptRight, ownRight }] of Object.entries({ ...byVariant, all }))
    print([name, near, `${changed} (${((100 * changed) / near).toFixed(2)} %)`, keptRight, ownRight]);
}

/** Adds up what stands under the same name, or all of it under one. */
function sums<T extends object>(parts: readonly Record<string, T>[], under?: string): Record<string, T> {
  const sum: Record<string, Record<string, number>> = {};
  for (const part of parts)
    for (const [name, counts] of Object.entries(part)) {
      const into = sum[under ?? name] ?? {};
      sum[under ?? name] = into;
      for (const [what, count] of Object.entries(counts)) into[what] = (into[what] ?? 0) + count;
    }
  return sum as Record<string, T>;
}

function sharesOf(counts: Counts | undefined): string[] {
  return (["near", "proposed", "bare"] as const).map((what) => shareOf(counts, what));
}

function shareOf(counts: Counts | undefined, what: "near" | "proposed" | "bare"): string {
  if (!counts) return "–";
  return `${counts[what]} of ${counts.asked} ${((100 * counts[what]) / counts.asked).toFixed(1)} %`;
}

function print([name, ...cells]: readonly (string | number)[]): void {
  console.log(String(name).padEnd(24) + cells.map((cell) => String(cell).padStart(22)).join(""));
}
