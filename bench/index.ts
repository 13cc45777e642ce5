/**
 * Lookups in an index of vectors, both kinds side by side: clustered vectors, as those of pictures are; recall of the graph
 * against the exact order. `npm run bench -- index [--entries 100000] [--dimensions 512,1024]`
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ExactIndex, HnswIndex, Rows, type VectorIndex } from "../src/retrieval/index.js";
import { clustered } from "../src/retrieval/vectors.testkit.js";

const [numLookups, numExact, count] = [2000, 40, 10];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      entries: { type: "string", default: "100000" },
      dimensions: { type: "string", default: "512,1024" },
    },
  });
  for (const dimensions of values.dimensions.split(",").map(Number)) await compare(Number(values.entries), dimensions);
}

async function compare(numEntries: number, dimensions: number): Promise<void> {
  console.log(`${numEntries} entries of ${dimensions} numbers in ${numEntries / 100} clusters, ${count} neighbours`);
  const next = clustered(dimensions, numEntries / 100);
  const vectors = Array.from({ length: numEntries }, (_, i) => next(i));
  const queries = Array.from({ length: numLookups }, (_, i) => next(i * 7));
  const exact = new ExactIndex(new Rows(dimensions));
  const graph = await HnswIndex.open(new Rows(dimensions));
  report("exact, adding", fill(exact, vectors));
  report("hnsw, adding", fill(graph, vectors));
  report("exact, lookup", await lookups(exact, queries.slice(0, numExact)));
  report("hnsw, lookup", await lookups(graph, queries));
  report(
    "hnsw, lookup that 1 in 100 passes",
    await lookups(graph, queries.slice(0, numExact), (key) => key % 100 === 0),
  );
  console.log(`recall of hnsw against exact  ${(await recall(exact, graph, queries.slice(0, numExact))).toFixed(4)}`);
  await saving(graph, vectors);
}

function fill(index: VectorIndex, vectors: readonly Float32Array[]): number[] {
  return vectors.map((vector, key) => timed(() => index.add(key, vector)));
}

async function lookups(
  index: VectorIndex,
  queries: readonly Float32Array[],
  accepts?: (key: number) => boolean,
): Promise<number[]> {
  for (const query of queries.slice(0, 5)) await index.search(query, count, accepts); // compiled
  const times: number[] = [];
  for (const query of queries) {
    const started = performance.now();
    await index.search(query, count, accepts);
    times.push(performance.now() - started);
  }
  return times;
}

async function recall(exact: VectorIndex, graph: VectorIndex, queries: readonly Float32Array[]): Promise<number> {
  let found = 0;
  for (const query of queries) {
    const right = new Set((await exact.search(query, count)).map(({ key }) => key));
    found += (await graph.search(query, count)).filter(({ key }) => right.has(key)).length;
  }
  return found / (queries.length * count);
}

async function saving(graph: HnswIndex, vectors: readonly Float32Array[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  try {
    const path = join(folder, "graph");
    const started = performance.now();
    await graph.save(path);
    const saved = performance.now();
    const rows = new Rows(graph.dimensions);
    for (const [key, vector] of vectors.entries()) rows.add(key, vector);
    const filled = performance.now();
    await HnswIndex.open(rows, path);
    const opened = performance.now() - filled;
    const megabytes = (statSync(path).size / 1e6).toFixed(0);
    console.log(`graph of ${megabytes} MB: saved in ${ms(saved - started)}, opened in ${ms(opened)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

function report(name: string, times: number[]): void {
  times.sort((a, b) => a - b);
  const at = (share: number) => ms(times[Math.min(times.length - 1, Math.floor(share * times.length))]!);
  console.log(`${name.padEnd(34)}  median ${at(0.5)}  p99 ${at(0.99)}`);
}

function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 3 : 0)} ms`;
}
