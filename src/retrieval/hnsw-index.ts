/**
 * The index for hundreds of thousands: a graph (HNSW, Malkov and Yashunin 2016, by `usearch`) over copies in bfloat16
 * proposes, the float32 vectors dispose: scores are exact, and a filter that lets few pass is answered by looking at all.
 *
 * The graph is the only thing that takes long to build, so it is saved: `<path>` as usearch writes it, then `<path>.json`,
 * which says what is in it and its SHA-256. usearch reads damaged files without looking and takes the process down with it:
 * it is given a file only when the digest is right. What is removed stays in the graph without an entry (graph-nodes.ts), until most of it
 * is so: then the graph is built again.
 */
import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { setImmediate as breathe } from "node:timers/promises";
import type { Index } from "usearch";
import { z } from "zod";
import { ioError, OcellusError, optionalPackage } from "../core/base/index.js";
import { fileDigest, writeFileAtomically } from "../core/fs/index.js";
import { GraphNodes, rounded } from "./graph-nodes.js";
import type { Rows } from "./rows.js";
import { checkVector, type Neighbour, type VectorIndex } from "./vector-index.js";

/** Neighbours of a node, candidates while adding and while searching: recall 0.99 and more on clustered data, `bench/index.ts`. */
const [connectivity, expansionAdd, expansionSearch] = [16, 128, 64];
/** Candidates for each wanted neighbour: bfloat16 mixes up the order of near ones. */
const candidatesPerNeighbour = 4;
const fewestProposed = 32;
/** Some twenty milliseconds. */
const addedAtOnce = 64;
/** Above this share of all vectors, and this many, proposals cost more than a look at those that a filter lets pass. */
const [mostShare, mostProposed] = [1 / 8, 4096];

/** A graph is built again when so many of its nodes, and more than half of them, are empty. */
const fewestEmpty = 1000;

const whole = z.number().int().min(0);
/** Each key with its node, each empty node with the digest of its vector. */
const savedSchema = z.object({
  format: z.literal(2), // the first one has removed nodes, which usearch does not survive
  sha256: z.string(),
  dimensions: z.number(),
  nodes: z.array(z.tuple([whole, whole])),
  empty: z.array(z.tuple([z.string(), whole])),
  next: whole,
});
type Saved = z.infer<typeof savedSchema>;

export class HnswIndex implements VectorIndex {
  readonly kind = "hnsw";
  readonly #rows: Rows;
  #graph: Index;
  #nodes: GraphNodes;

  private constructor(rows: Rows, graph: Index) {
    this.#rows = rows;
    this.#graph = graph;
    this.#nodes = new GraphNodes((key) => rows.get(key)!);
  }

  /**
   * Over the vectors given, with as much of the graph that was saved at `path` as fits them.
   * @throws `unavailable` where usearch cannot be loaded.
   */
  static async open(rows: Rows, path?: string): Promise<HnswIndex> {
    const saved = path === undefined ? undefined : await readSaved(path, rows.dimensions);
    const index = new HnswIndex(rows, await newGraph(rows.dimensions));
    if (saved) index.#restore(path!, saved);
    const known = new Set(saved?.nodes.map(([key]) => key));
    if (index.#isWorn) await index.#rebuild();
    else await index.#linkAll([...rows.keys()].filter((key) => !known.has(key)));
    return index;
  }

  #restore(path: string, { nodes, empty, next }: Saved): void {
    this.#graph.load(path);
    for (const [key, node] of nodes) if (this.#rows.has(key)) this.#nodes.restore(key, node);
    for (const [digest, node] of empty) this.#nodes.restoreEmpty(digest, node);
    this.#nodes.next = next;
  }

  get #isWorn(): boolean {
    return this.#graph.size() > Math.max(fewestEmpty, this.#nodes.size) + this.#nodes.size;
  }

  /** Nothing may be added or removed meanwhile. */
  async #rebuild(): Promise<void> {
    const built = new HnswIndex(this.#rows, await newGraph(this.dimensions));
    await built.#linkAll([...this.#rows.keys()]);
    [this.#graph, this.#nodes] = [built.#graph, built.#nodes];
  }

  async #linkAll(keys: readonly number[]): Promise<void> {
    for (const [i, key] of keys.entries()) {
      if (i % addedAtOnce === 0) await breathe(); // a server keeps answering
      this.#link(key);
    }
  }

  #link(key: number): void {
    const node = this.#nodes.add(key);
    if (node !== undefined) this.#graph.add(BigInt(node), rounded(this.#rows.get(key)!), 1);
  }

  get dimensions(): number {
    return this.#rows.dimensions;
  }

  get size(): number {
    return this.#rows.size;
  }

  add(key: number, vector: Float32Array): void {
    this.#rows.add(key, vector);
    this.#link(key);
  }

  remove(key: number): boolean {
    if (!this.#rows.has(key)) return false;
    this.#nodes.remove(key);
    return this.#rows.remove(key);
  }

  vector(key: number): Float32Array | undefined {
    return this.#rows.get(key);
  }

  async search(
    query: Float32Array,
    count: number,
    accepts: (key: number) => boolean = () => true,
  ): Promise<Neighbour[]> {
    checkVector(query, this.dimensions, "the query");
    const most = Math.min(mostProposed, mostShare * this.size);
    const wanted = candidatesPerNeighbour * count;
    for (let proposed = Math.max(wanted, fewestProposed); proposed <= most; ) {
      const nodes = Array.from(this.#graph.search(query, proposed, 1).keys, Number);
      const passed = nodes.flatMap((node) => [...this.#nodes.keys(node)]).filter(accepts);
      if (passed.length >= wanted) return this.#rows.rank(query, passed, count);
      proposed *= Math.max(2, (1.5 * wanted) / Math.max(passed.length, 1)); // as many as should do, and half as many again
      proposed = Math.ceil(proposed);
    }
    return this.#rows.scan(query, count, accepts);
  }

  async save(path: string): Promise<void> {
    if (this.#isWorn) await this.#rebuild();
    const { dimensions } = this;
    const [nodes, empty, { next }] = [this.#nodes.entries(), this.#nodes.empty(), this.#nodes];
    const temporary = `${path}.partial-${randomBytes(4).toString("hex")}`;
    try {
      this.#graph.save(temporary);
      await synced(temporary);
      const sha256 = await fileDigest(temporary);
      await rename(temporary, path); // until the next line the old digest is there, and the graph counts as damaged
      await writeFileAtomically(`${path}.json`, JSON.stringify({ format: 2, sha256, dimensions, nodes, empty, next }));
    } catch (cause) {
      await rm(temporary, { force: true });
      throw cause instanceof OcellusError ? cause : ioError("write the graph", path, cause);
    }
  }
}

async function newGraph(dimensions: number): Promise<Index> {
  const load = () => import("usearch");
  const instead = "--kind exact";
  const { Index, MetricKind, ScalarKind } = await optionalPackage("usearch", "the index hnsw", load, { instead });
  return new Index({
    dimensions,
    metric: MetricKind.L2sq, // rounded vectors have no length one, so that by the inner product longer ones are nearer than equal ones
    quantization: ScalarKind.BF16,
    connectivity,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
    multi: false,
  });
}

/** What the graph at `path` holds; undefined when it is not there, or not as it was written. */
async function readSaved(path: string, dimensions: number) {
  try {
    const saved = savedSchema.parse(JSON.parse(await readFile(`${path}.json`, "utf8")));
    return saved.dimensions === dimensions && saved.sha256 === (await fileDigest(path)) ? saved : undefined;
  } catch {
    return undefined; // it can be built again
  }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync().finally(() => file.close());
}
