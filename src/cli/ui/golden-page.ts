/** `ocellus golden report --html`: one result, or two compared, as a page with the pictures whose answers are worth looking at. */
import { thumbnail } from "../../core/image/node/index.js";
import {
  type GoldenComparison,
  type GoldenResult,
  type GroupScore,
  partsOf,
  readGoldenSet,
  scoreGolden,
  signed,
  versionText,
} from "../../evals/index.js";
import { type GoldenEntry, type GoldenRow, pageDocument, type Sentence, sentence } from "../../inspect/index.js";
import { percent } from "./golden-text.js";

/** Answers that the page holds: more are read by programs (--json). */
const maxAnswers = 500;
/** Of them with a picture of some 5 kB each. */
const maxImages = 200;
const imageSide = 160;

export interface ComparedWith {
  readonly b: GoldenResult;
  readonly comparison: GoldenComparison;
}

/** The whole page. Pictures are shown where the golden set still is where it was. */
export async function goldenPage(a: GoldenResult, compared: ComparedWith | undefined): Promise<string> {
  const entries = compared ? changedEntries(compared.comparison) : wrongEntries(a);
  const images = await imagesOf(a.set.path, new Set(entries.slice(0, maxImages).map(({ id }) => id)));
  const heading = compared ? verdictOf(compared.comparison) : scoreOf(scoreGolden(a.answers).all);
  const { questions, digest } = a.set;
  const names = compared ? `${a.version.name} → ${compared.b.version.name}` : a.version.name;
  return pageDocument({
    kind: "golden",
    title: `${names} · Ocellus golden`,
    heading: heading.text,
    headingSaid: heading,
    facts: `golden set ${digest.slice(0, 12)}, ${questions} questions`,
    factsSaid: { code: "golden_facts", values: { digest: digest.slice(0, 12), questions } },
    data: {
      versions: [a, ...(compared ? [compared.b] : [])].map(({ version }) => versionText(version)),
      sentence: compared && changeOf(compared.comparison),
      rows: compared ? comparisonRows(compared.comparison) : scoreRows(a),
      total: entries.length,
      entries: entries.slice(0, maxAnswers).map((entry) => ({ ...entry, image: images.get(entry.id) })),
    },
  });
}

function scoreOf({ accuracy, correct, questions }: GroupScore): Sentence {
  const text = `${percent(accuracy)} % right: ${correct} of ${questions} questions`;
  return sentence("golden_right", { percent: percent(accuracy), correct, questions }, text);
}

function verdictOf({ all, verdict, sentence: whole }: GoldenComparison): Sentence {
  return sentence("golden_verdict", { verdict, questions: all.questions }, whole.split(": ")[0]!);
}

function changeOf({ all, sentence: whole }: GoldenComparison): Sentence | undefined {
  const { questions, lost, gained, points, low, high, p } = all;
  const [, ...reasons] = whole.split(": ");
  if (reasons.length === 0) return undefined;
  const numbers = { points: signed(points), low: signed(low), high: signed(high), p: p.toPrecision(2) };
  return sentence("golden_change", { questions, lost, gained, ...numbers }, reasons.join(": "));
}

function scoreRows({ answers }: GoldenResult): GoldenRow[] {
  const { all, byKind, byMatch } = scoreGolden(answers);
  return partsOf(all, byMatch, byKind).map(({ group, questions, accuracy, low, high }) => {
    return { group, asked: questions, low: 100 * low, value: 100 * accuracy, high: 100 * high };
  });
}

function comparisonRows({ all, byKind, byMatch }: GoldenComparison): GoldenRow[] {
  return partsOf(all, byMatch, byKind).map(({ group, questions, low, points, high }) => {
    return { group, asked: questions, low, value: points, high };
  });
}

interface Entry extends GoldenEntry {
  readonly id: string;
}

function wrongEntries({ answers }: GoldenResult): Entry[] {
  return answers.filter(({ correct }) => !correct).map((answer) => ({ ...answer, answers: [answer] }));
}

function changedEntries({ changed }: GoldenComparison): Entry[] {
  return changed.map(({ a, b }) => ({ ...a, answers: [a, b] }));
}

async function imagesOf(path: string, ids: ReadonlySet<string>): Promise<Map<string, string>> {
  const set = await readGoldenSet(path).catch(() => undefined); // moved or changed: the page does without
  const images = new Map<string, string>();
  for (const { id, image } of set?.questions ?? []) {
    if (!ids.has(id)) continue;
    const webp = await thumbnail(image, imageSide).catch(() => undefined);
    if (webp) images.set(id, `data:image/webp;base64,${Buffer.from(webp).toString("base64")}`);
  }
  return images;
}
