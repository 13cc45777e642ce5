/**
 * A collection in use: pictures added until the adding process is killed halfway, what it had told to be kept looked for, the
 * rest added; then opened, searched and two thirds removed; then a PDF of many pages. Each step is a process of its own, whose peak
 * RSS is that step's. Vectors are made up, 512 numbers in clusters: what a model takes is the same wherever they are kept.
 *
 *   npm run bench -- collection [--pictures 20000] [--pages 500] [--kind exact]
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { PdfDocument } from "../src/core/pdf/index.js";
import { makePdf } from "../src/core/pdf/pdf.testkit.js";
import {
  type Collection,
  Collections,
  type ImageEmbedder,
  type IndexKind,
  pageIntake,
  prepareEntry,
} from "../src/retrieval/index.js";
import { readRelevance } from "../src/retrieval/relevance.testkit.js";
import { clustered, uniform } from "../src/retrieval/vectors.testkit.js";

const [dimensions, width, height, count, numLookups] = [512, 160, 120, 10, 100];
const { texts } = readRelevance();
const textOf = (i: number) => `${texts[(i * 7919) % texts.length]!.text} sku${i}`;

export async function main(args: string[]): Promise<void> {
  if (args[0] === "step") return step(args[1]!, args[2]!, args.slice(3).map(Number));
  const { values } = parseArgs({
    args,
    options: {
      images: { type: "string", default: "20000" },
      pages: { type: "string", default: "500" },
      kind: { type: "string", default: "exact" },
    },
  });
  const [numImages, numPages] = [Number(values.images), Number(values.pages)];
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  try {
    const model = { version: embedder(0).version, name: "made up", dimensions };
    await new Collections(folder).create("shop", values.kind as IndexKind, model);
    console.log(`${numImages} pictures (${values.kind}), a PDF of ${numPages} pages; ${dimensions} numbers each`);
    await addUntilKilled(folder, numImages);
    for (const name of ["open", "add", "open", "search", "remove", "search"]) run(folder, name, numImages);
    run(folder, "pdf", numPages);
    run(folder, "search", numImages);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function stepArguments(folder: string, name: string, size: number): string[] {
  return [...process.execArgv, process.argv[1]!, "collection", "step", name, folder, `${size}`];
}

function run(folder: string, name: string, size: number): void {
  const text = execFileSync(process.execPath, stepArguments(folder, name, size), { encoding: "utf8" });
  const lines = text.trimEnd().split("\n").slice(2); // after the name of the bench
  console.log(lines.filter((line) => !line.startsWith("kept ")).join("\n"));
}

/** SIGKILL when half has been told to be kept. @throws when any of that is missing afterwards. */
async function addUntilKilled(folder: string, size: number): Promise<void> {
  const child = spawn(process.execPath, stepArguments(folder, "add", size), { stdio: ["ignore", "pipe", "inherit"] });
  let kept = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^kept \d+$/.test(line)) kept = Number(line.slice(5));
    if (kept >= size / 2) child.kill("SIGKILL");
  }
  const { size: found } = await new Collections(folder).open("shop");
  if (found < kept) throw new Error(`${kept} entries were told to be kept, ${found} are there`);
  console.log(`killed after ${kept} were told to be kept: ${found} are there`);
}

async function step(name: string, folder: string, [size]: number[]): Promise<void> {
  const started = performance.now();
  await using collections = new Collections(folder);
  const collection = await collections.open("shop");
  const opened = performance.now() - started;
  if (name === "open") console.log(`open: ${collection.size} entries in ${seconds(opened)}`);
  if (name === "add") await addImages(collection, size!);
  if (name === "search") await searches(collection);
  if (name === "remove") await removals(collection);
  if (name === "pdf") await addPdf(collection, size!);
  const megabytes = (process.resourceUsage().maxRSS / 1e3).toFixed(0);
  console.log(`  peak RSS ${megabytes} MB`);
}

async function addImages(collection: Collection, size: number): Promise<void> {
  const times: number[] = [];
  for (let i = collection.size; i < size; i++) {
    const image = await jpeg(i);
    const started = performance.now();
    const intake = { source: `${i}.jpg`, image, text: textOf(i), metadata: { shelf: `${i % 100}` } };
    await collection.add([await prepareEntry(collection, embedder(i), intake)]);
    times.push(performance.now() - started);
    if (i % 100 === 99) console.log(`kept ${i + 1}`);
  }
  report(`add: ${times.length} pictures of ${width}×${height}, one by one`, times);
}

async function searches(collection: Collection): Promise<void> {
  const next = clustered(dimensions, 200, 0.6, 7);
  const vectors = Array.from({ length: numLookups }, (_, i) => next(i));
  const words = Array.from({ length: numLookups }, (_, i) => texts[i % texts.length]!.text.slice(0, 12));
  const ways = {
    vector: (i: number) => ({ vector: vectors[i]! }),
    words: (i: number) => ({ words: words[i]! }),
    both: (i: number) => ({ vector: vectors[i]!, words: words[i]! }),
    "vector, of a shelf": (i: number) => ({ vector: vectors[i]!, where: { shelf: `${i}` } }),
  };
  for (const [name, query] of Object.entries(ways)) {
    const times: number[] = [];
    for (let i = 0; i < numLookups; i++) {
      const started = performance.now();
      await collection.search({ ...query(i), count });
      times.push(performance.now() - started);
    }
    report(`search among ${collection.size} by ${name}`, times);
  }
}

/** Two of three entries, a hundred at a time; the log is written again on the way when there are enough. */
async function removals(collection: Collection): Promise<void> {
  const ids = [...collection.entries()].map(({ id }) => id).filter((id) => id % 3 !== 0);
  const times: number[] = [];
  for (let from = 0; from < ids.length; from += 100) {
    const started = performance.now();
    await collection.remove(ids.slice(from, from + 100));
    times.push(performance.now() - started);
  }
  report(`remove: ${ids.length} in hundreds`, times);
  console.log(`  ${collection.size} entries are left; generation ${collection.info.generation}`);
}

async function addPdf(collection: Collection, numPages: number): Promise<void> {
  const bytes = await makePdf(Array.from({ length: numPages }, (_, i) => `Page ${i + 1}: part ${i * 37}`));
  const pdf = await PdfDocument.open(bytes, "manual.pdf");
  const times: number[] = [];
  for (let page = 1; page <= pdf.numPages; page++) {
    const started = performance.now();
    const intake = await pageIntake(pdf, page, { source: "manual.pdf" }, new AbortController().signal);
    await collection.add([await prepareEntry(collection, embedder(page), intake)]);
    times.push(performance.now() - started);
  }
  await pdf.close();
  report(`add: a PDF of ${numPages} pages, page by page`, times);
}

const next = clustered(dimensions, 200);

function embedder(i: number): ImageEmbedder {
  return { version: "0".repeat(64), name: "made up", embedImage: async () => next(i) };
}

/** Noise: no two are the same, and none is small. */
function jpeg(i: number): Promise<Buffer> {
  const random = uniform(i + 1);
  const data = Uint8Array.from({ length: width * height * 3 }, () => 256 * (random() + 0.5));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}

function report(name: string, times: number[]): void {
  const total = times.reduce((sum, time) => sum + time, 0);
  times.sort((a, b) => a - b);
  const at = (share: number) => `${times[Math.min(times.length - 1, Math.floor(share * times.length))]?.toFixed(1)} ms`;
  console.log(`${name}: ${seconds(total)}; median ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
