/** `ocellus golden report --html`: one result, or two compared, as a page with the pictures whose answers are worth looking at. */
import { thumbnail } from "../../core/image/node/index.js";
import {
  type GoldenComparison,
  type GoldenResult,
  type GroupScore,
  partsOf,
  readGoldenSet,
  scoreGolden,
  versionText,
} from "../../evals/index.js";
import { pageDocument } from "../../inspect/index.js";
import { percent } from "./golden-text.js";

/** Answers that the page holds: more are read by programs (--json). */
const maxAnswers = 500;
/** Of them with a picture of some 5 kB each. */
const maxImages = 200;
const pictureSide = 160;

export interface ComparedWith {
  readonly b: GoldenResult;
  readonly comparison: GoldenComparison;
}

/** The whole page. Pictures are shown where the golden set still is where it was. */
export async function goldenPage(a: GoldenResult, compared: ComparedWith | undefined): Promise<string> {
  const entries = compared ? changedEntries(compared.comparison) : wrongEntries(a);
  const pictures = await picturesOf(a.set.path, new Set(entries.slice(0, maxImages).map(({ id }) => id)));
  const [verdict, ...reasons] = compared?.comparison.sentence.split(": ") ?? [];
  const names = compared ? `${a.version.name} → ${compared.b.version.name}` : a.version.name;
  return pageDocument({
    title: `${names} · Ocellus golden`,
    heading: verdict ?? headingOf(scoreGolden(a.answers).all),
    facts: `golden set ${a.set.digest.slice(0, 12)}, ${a.set.questions} questions`,
    data: {
      versions: [a, ...(compared ? [compared.b] : [])].map(({ version }) => versionText(version)),
      sentence: reasons.join(": "),
      rows: compared ? comparisonRows(compared.comparison) : scoreRows(a),
      total: entries.length,
      entries: entries.slice(0, maxAnswers).map((entry) => ({ ...entry, picture: pictures.get(entry.id) })),
    },
    style,
    script,
  });
}

function headingOf({ accuracy, correct, questions }: GroupScore): string {
  return `${percent(accuracy)} % right: ${correct} of ${questions} questions`;
}

/** Points on a line from `from` to `to`, both shares or points; in words beside it. */
interface Row {
  readonly group: string;
  readonly asked: number;
  readonly low: number;
  readonly value: number;
  readonly high: number;
}

function scoreRows({ answers }: GoldenResult): Row[] {
  const { all, byKind, byMatch } = scoreGolden(answers);
  return partsOf(all, byMatch, byKind).map(({ group, questions, accuracy, low, high }) => {
    return { group, asked: questions, low: 100 * low, value: 100 * accuracy, high: 100 * high };
  });
}

function comparisonRows({ all, byKind, byMatch }: GoldenComparison): Row[] {
  return partsOf(all, byMatch, byKind).map(({ group, questions, low, points, high }) => {
    return { group, asked: questions, low, value: points, high };
  });
}

interface Entry {
  readonly id: string;
  readonly origin: string;
  readonly question: string;
  readonly expected: string;
  readonly answers: readonly {
    readonly text: string;
    readonly correct: boolean;
    readonly failure?: string | undefined;
  }[];
}

function wrongEntries({ answers }: GoldenResult): Entry[] {
  return answers.filter(({ correct }) => !correct).map((answer) => ({ ...answer, answers: [answer] }));
}

function changedEntries({ changed }: GoldenComparison): Entry[] {
  return changed.map(({ a, b }) => ({ ...a, answers: [a, b] }));
}

async function picturesOf(path: string, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const set = await readGoldenSet(path).catch(() => undefined); // moved or changed: the page does without
  const pictures = new Map<string, string>();
  for (const { id, image } of set?.questions ?? []) {
    if (!ids.has(id)) continue;
    const webp = await thumbnail(image, pictureSide).catch(() => undefined);
    if (webp) pictures.set(id, `data:image/webp;base64,${Buffer.from(webp).toString("base64")}`);
  }
  return pictures;
}

const style = `
.sentence { margin-top: 1rem; max-width: 46rem; font-size: 1.05rem; }
.versions { margin-top: 0.6rem; color: var(--soft); font-size: 0.92rem; }
.rows { width: 100%; margin-top: 0.8rem; border-collapse: collapse; font-size: 0.92rem; }
.rows th { padding: 0.3rem 0.6rem; color: var(--soft); font-weight: 400; text-align: right; }
.rows th:first-child { text-align: left; }
.rows td { padding: 0.3rem 0.6rem; border-top: 1px solid var(--line); white-space: nowrap; }
.rows td:last-child { width: 50%; }
.plot { position: relative; height: 1.1rem; background: var(--panel); border-radius: 4px; }
.plot i { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--line); }
.plot b { position: absolute; top: 0.45rem; height: 0.2rem; border-radius: 1px; background: var(--accent); }
.plot u { position: absolute; top: 0.2rem; width: 0.7rem; height: 0.7rem; margin-left: -0.35rem; border-radius: 50%; background: var(--accent); }
.plot.worse b, .plot.worse u { background: var(--doubt); }
.entries { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.entries li { display: flex; gap: 0.9rem; padding: 0.9rem; border-radius: 12px; background: var(--panel); overflow-wrap: anywhere; }
.entries img { flex: none; width: 5.5rem; height: 5.5rem; border-radius: 8px; object-fit: cover; background: var(--raised); }
.entries strong { font-weight: 500; }
.entries p { font-size: 0.92rem; }
.right::before { content: "\\2713\\a0"; color: var(--accent); }
.wrong::before { content: "\\2717\\a0"; color: var(--doubt); }
`;

const script = `
const isPair = data.versions.length === 2;
const names = isPair ? ["A: ", "B: "] : [""];
const [from, to] = isPair
  ? [Math.min(-1, ...data.rows.map(({ low }) => low)), Math.max(1, ...data.rows.map(({ high }) => high))]
  : [0, 100];
const at = (value) => (100 * (value - from)) / (to - from) + "%";
const number = (value) => (isPair ? (value < 0 ? "\\u2212" : "+") + Math.abs(value).toFixed(1) : value.toFixed(1) + " %");

function plot({ low, value, high }) {
  const line = el("div", { className: "plot" + (isPair && high < 0 ? " worse" : "") },
    el("i", { style: { left: at(isPair ? 0 : 100) } }),
    el("b", { style: { left: at(low), width: (100 * (high - low)) / (to - from) + "%" } }),
    el("u", { style: { left: at(value) } }));
  line.setAttribute("role", "img");
  line.setAttribute("aria-label", number(low) + " to " + number(high));
  return line;
}

function entry({ origin, question, expected, answers, picture }) {
  const said = answers.map(({ text, correct, failure }, i) =>
    el("p", { className: correct ? "right" : "wrong" }, names[i] + (failure ? "no answer: " + failure : text || "nothing")));
  return el("li", {}, ...(picture ? [el("img", { src: picture, alt: "" })] : []),
    el("div", {}, el("p", {}, el("strong", {}, question)), ...said, el("p", { className: "aside" }, "expected: " + expected), el("p", { className: "aside" }, origin)));
}

begin(
  el("p", { className: "sentence" }, data.sentence.charAt(0).toUpperCase() + data.sentence.slice(1)),
  el("div", { className: "versions" }, ...data.versions.map((version, i) => el("p", {}, names[i] + version))),
  el("section", {}, el("h2", {}, isPair ? "B \\u2212 A, in points" : "Right answers"),
    el("p", { className: "aside" }, "With 95 % intervals."),
    el("table", { className: "rows" },
      el("tr", {}, ...["questions", "asked", isPair ? "points" : "right", "interval", ""].map((title) => el("th", {}, title))),
      ...data.rows.map((row) => el("tr", {}, el("td", {}, row.group), el("td", { className: "number" }, String(row.asked)),
        el("td", { className: "number" }, number(row.value)), el("td", { className: "number" }, number(row.low) + " to " + number(row.high)), el("td", {}, plot(row)))))),
  el("section", {}, el("h2", {}, (isPair ? "Right in one of them only: " : "Wrong: ") + data.total),
    el("p", { className: "aside" }, data.total > data.entries.length ? "The first " + data.entries.length + "." : ""),
    el("ul", { className: "entries" }, ...data.entries.map(entry))));
`;
