/**
 * Words and reading order of PDFs beside poppler's pdftotext: `npm run bench -- documents FOLDER [--pages 60]`. Recall: words of pdftotext
 * that we have too; precision: of ours that it has. Order: of words that stand once on a page in both, the longest run in the same
 * order, as a share; beside its own layout, and beside the order in which the file draws (-raw).
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { PdfDocument } from "../src/core/pdf/index.js";
import { plainTextOf, readPages } from "../src/documents/index.js";

class Tally {
  [name: string]: number;
  theirs = 0;
  ours = 0;
  both = 0;
  layoutOrder = 0;
  layoutOnce = 0;
  rawOrder = 0;
  rawOnce = 0;
}

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { pages: { type: "string", default: "60" } },
  });
  const [folder = "."] = positionals;
  const all = new Tally();
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".pdf"))) {
    const started = performance.now();
    const tally = await compare(join(folder, name), Number(values.pages)).catch((error: Error) => error.message);
    if (typeof tally === "string") console.log(`${name}: ${tally}`);
    else {
      for (const key of Object.keys(tally)) all[key]! += tally[key]!;
      report(name, tally, `${Math.round(performance.now() - started)} ms`);
    }
  }
  report("all", all, "");
}

function report(name: string, { theirs, ours, both, layoutOrder, layoutOnce, rawOrder, rawOnce }: Tally, time: string) {
  const share = (part: number, whole: number) =>
    whole === 0 ? "    –" : ((100 * part) / whole).toFixed(1).padStart(5);
  const order = `order ${share(layoutOrder, layoutOnce)} % of its layout, ${share(rawOrder, rawOnce)} % of the file's`;
  const words = `${String(theirs).padStart(7)} words, recall ${share(both, theirs)} %, precision ${share(both, ours)} %`;
  console.log(`${name.padEnd(32).slice(0, 32)} ${words}, ${order} ${time}`);
}

async function compare(path: string, maxPages: number): Promise<Tally> {
  const pdf = await PdfDocument.open(readFileSync(path), path);
  const pages = Array.from({ length: Math.min(pdf.numPages, maxPages) }, (_, i) => i + 1);
  const tally = new Tally();
  const [layout, raw] = [await pdftotext(path, pages.length), await pdftotext(path, pages.length, "-raw")];
  for await (const { page, blocks } of readPages(pdf, { pages })) {
    const ours = wordsIn(plainTextOf(blocks));
    const theirs = wordsIn(layout[page - 1] ?? "");
    tally.ours += ours.length;
    tally.theirs += theirs.length;
    tally.both += numShared(ours, theirs);
    const [order, once] = sameOrder(ours, theirs);
    const [rawOrder, rawOnce] = sameOrder(ours, wordsIn(raw[page - 1] ?? ""));
    tally.layoutOrder += order;
    tally.layoutOnce += once;
    tally.rawOrder += rawOrder;
    tally.rawOnce += rawOnce;
  }
  await pdf.close();
  return tally;
}

/** By page; words divided at the end of a line are made whole, as ours are. */
async function pdftotext(path: string, numPages: number, ...options: string[]): Promise<string[]> {
  const args = [...options, "-enc", "UTF-8", "-l", String(numPages), path, "-"];
  const { stdout } = await promisify(execFile)("pdftotext", args, { maxBuffer: 2 ** 28 });
  return stdout.split("\f").map((page) => page.replace(/(\p{L})[-\u00ad]\n(?=\p{Ll})/gu, "$1"));
}

function wordsIn(text: string): string[] {
  return (
    text
      .normalize("NFKC")
      .replaceAll("\u00ad", "")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

function countsOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function numShared(a: readonly string[], b: readonly string[]): number {
  const other = countsOf(b);
  return [...countsOf(a)].reduce((sum, [word, count]) => sum + Math.min(count, other.get(word) ?? 0), 0);
}

/** The longest run of words in the same order, and how many could be. */
function sameOrder(a: readonly string[], b: readonly string[]): [number, number] {
  const [counts, others] = [countsOf(a), countsOf(b)];
  const place = new Map(a.map((word, i) => [word, i]));
  const places = b.filter((word) => counts.get(word) === 1 && others.get(word) === 1).map((word) => place.get(word)!);
  const ends: number[] = [];
  for (const at of places) {
    const longer = ends.findIndex((end) => end >= at);
    ends[longer < 0 ? ends.length : longer] = at;
  }
  return [ends.length, places.length];
}
