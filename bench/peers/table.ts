/** Figures of all rounds → medians, goals met or missed, one table. */
import { median } from "../support/median.js";
import { best, type Goal, isMoreBetter, type Row } from "./rows.js";

/** By row and server: one figure a round. */
export type Measured = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface Verdict {
  /** A server's name, or the limit. */
  readonly against: string;
  readonly ratio: number;
  readonly goal: number;
  readonly isMet: boolean;
}

export interface RowResult {
  readonly id: string;
  readonly title: string;
  readonly unit: Row["unit"];
  readonly medians: Readonly<Record<string, number>>;
  readonly all: Readonly<Record<string, readonly number[]>>;
  readonly verdicts: readonly Verdict[];
}

/** A goal whose other side was not measured gives no verdict. */
export function judge(rows: readonly Row[], measured: Measured, ours: string): readonly RowResult[] {
  const mediansOf = ({ id }: Row) =>
    Object.fromEntries(Object.entries(measured[id] ?? {}).map(([name, values]) => [name, median(values)]));
  return rows.flatMap((row) => {
    const medians = mediansOf(row);
    if (Object.keys(medians).length === 0) return [];
    const verdicts = row.goals.flatMap((goal) => verdictOf(row, goal, medians, ours) ?? []);
    return [{ id: row.id, title: row.title, unit: row.unit, medians, all: measured[row.id]!, verdicts }];
  });
}

function verdictOf(row: Row, goal: Goal, medians: Readonly<Record<string, number>>, ours: string): Verdict | undefined {
  const { [ours]: own, ...others } = medians;
  if (own === undefined) return undefined;
  if ("atMost" in goal)
    return { against: `≤ ${goal.atMost} ${row.unit}`, ratio: own / goal.atMost, goal: 1, isMet: own <= goal.atMost };
  const [against, theirs] = rival(row, goal.against, others);
  if (theirs === undefined) return undefined;
  const ratio = isMoreBetter(row) ? own / theirs : theirs / own;
  return { against, ratio, goal: goal.times, isMet: ratio >= goal.times };
}

function rival(
  row: Row,
  name: string,
  others: Readonly<Record<string, number>>,
): readonly [name: string, value: number | undefined] {
  if (name !== best) return [name, others[name]];
  const ranked = Object.entries(others).sort(([, a], [, b]) => (isMoreBetter(row) ? b - a : a - b));
  return ranked[0] ?? [name, undefined];
}

/** One line a row, another for each further goal. */
export function printTable(results: readonly RowResult[], servers: readonly string[]): string {
  const cell = (value: number | undefined) =>
    (value === undefined ? "" : value.toFixed(value < 10 ? 2 : 1)).padStart(13);
  const head = `${"".padEnd(46)}${servers.map((name) => name.padStart(13)).join("")}  against         ×    goal`;
  const lines = results.flatMap(({ title, unit, medians, verdicts }) => {
    const figures = `${title.padEnd(37)}${unit.padEnd(9)}${servers.map((name) => cell(medians[name])).join("")}`;
    const [first, ...more] = verdicts.map(verdictText);
    return [`${figures}  ${first ?? ""}`.trimEnd(), ...more.map((text) => `${"".padEnd(figures.length)}  ${text}`)];
  });
  return [head, ...lines].join("\n");
}

function verdictText({ against, ratio, goal, isMet }: Verdict): string {
  return `${against.padEnd(13)} ${ratio.toFixed(2).padStart(5)}  ${String(goal).padStart(4)} ${isMet ? "met" : "missed"}`;
}
