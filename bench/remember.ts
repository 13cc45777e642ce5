/**
 * What remembering costs and saves: `npm run bench -- remember [lookup] [restart --gigabytes 10] [zipf --model FOLDER --side 112 --warm 1500] [fresh --model FOLDER --side 112] [hot --model FOLDER] [soak --minutes 10]`, the
 * first four by default. Lookups and additions at 100,000 kept pictures; a start with much on disk; questions about 10,000 pictures asked as
 * often as Zipf's law says (exponent 1.1), and about pictures that are all new, with memory and without; byte budgets under load.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { type Features, openCache } from "../src/core/cache/index.js";
import { image, loadModel, type Reuse, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { nearDuplicates } from "../src/near-duplicates/index.js";
import { drawScene, randomNumbers } from "./support/near-scenes.js";
import { inParallel } from "./support/questions.js";

const parts = { lookup, restart, zipf, fresh };

export async function main(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      minutes: { type: "string", default: "10" },
      gigabytes: { type: "string", default: "10" },
      model: { type: "string" },
      side: { type: "string", default: "112" },
      warm: { type: "string", default: "1500" },
    },
  });
  if (positionals.includes("hot")) return hot(values.model);
  if (positionals.includes("soak")) return soak(Number(values.minutes));
  for (const [name, run] of Object.entries(parts))
    if (positionals.length === 0 || positionals.includes(name)) await run(values);
}

/** 32 tokens of 192 numbers, as the bundled demo model has them: 12 kB in 16 bit. */
const small = (value: number): Features => ({ visual_tokens: new Float32Array(32 * 192).fill(value % 1000) });

async function lookup(): Promise<void> {
  const count = 100_000;
  const store = await openCache({ maxBytes: count * 32 * 192 * 2 });
  const times: Record<"add" | "look up", number[]> = { add: [], "look up": [] };
  const timed = async (what: keyof typeof times, key: string, value: number) => {
    const started = performance.now();
    await store.get(key, async () => small(value));
    times[what].push(performance.now() - started);
  };
  for (let i = 0; i < count; i++) await timed("add", keyOf(i), i);
  const random = randomNumbers(1);
  for (let i = 0; i < count; i++) await timed("look up", keyOf(Math.floor(random() * count)), -1);
  for (const [what, all] of Object.entries(times)) {
    const sorted = all.slice(-count / 2).sort((a, b) => a - b);
    console.log(`${what}, ${store.stats.entries} kept: median ${at(sorted, 0.5)}, p99 ${at(sorted, 0.99)} ms`);
  }
}

/** As long as a real key is. */
const keyOf = (i: number) => `${"a".repeat(64)}/${"b".repeat(64)}/${String(i).padStart(64, "0")}/8x8`;

function at(sorted: readonly number[], quantile: number): string {
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))]!.toFixed(3);
}

/**
 * The first token of a question about a picture of 1024 × 1024 that is new, of another question about it, and of one about a JPEG of
 * it with reuse "near". `npm run random-checkpoint -- qwen3_vl-2b FOLDER` makes a model of the right shapes.
 */
async function hot(folder: string | undefined): Promise<void> {
  if (folder === undefined) throw new Error("hot: expected --model FOLDER, a checkpoint or packed model");
  const model = await loadModel(folder, {
    blockSize: 128,
    memory: { nearDuplicates: nearDuplicates(), prefixCacheBytes: 2 ** 30 },
  });
  const firstToken = async (picture: Buffer, question: string, reuse: Reuse = "exact") => {
    const content = [image(new Uint8Array(picture)), question];
    const answer = await model.answer([{ role: "user", content }], { maxTokens: 1, reuse });
    return { ms: answer.timings.firstTokenMs, source: answer.images[0]!.source };
  };
  await firstToken((await scene(1)).png, "?"); // the first run of a graph allocates
  const [cold, known, near] = [[] as number[], [] as number[], [] as number[]];
  for (let seed = 2; seed <= 4; seed++) {
    const { png, jpeg } = await scene(seed);
    cold.push((await firstToken(png, "What is this?")).ms);
    known.push((await firstToken(png, "Which colour is it?")).ms);
    await firstToken(png, "How many are there?", "near"); // from here on it can answer for others
    const { ms, source } = await firstToken(jpeg, "Is there a price?", "near");
    if (source !== "near")
      throw new Error(`hot: the JPEG of scene ${seed} was to be answered by the scene, found "${source}"`);
    near.push(ms);
  }
  const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1]!;
  const against = (times: readonly number[]) =>
    `${median(times).toFixed(0)} ms (${(median(cold) / median(times)).toFixed(1)}×)`;
  console.log(
    `first token, median of 3: cold ${median(cold).toFixed(0)} ms, hot ${against(known)}, near ${against(near)}`,
  );
  await model.close();
}

/** A still life of 1024 × 1024, as it is and as a JPEG of quality 75. */
async function scene(seed: number): Promise<{ png: Buffer; jpeg: Buffer }> {
  const { rgb, width, height } = await drawScene("still life", seed);
  const large = sharp(rgb, { raw: { width, height, channels: 3 } }).resize(1024, 1024, { fit: "fill" });
  return { png: await large.clone().png().toBuffer(), jpeg: await large.clone().jpeg({ quality: 75 }).toBuffer() };
}

/** Records of 17 MB, a picture of 1024 × 1024 in a 2B model. */
const large = (value: number): Features => ({ visual_tokens: new Float32Array(1024 * 2048 * 4).fill(value) });

async function restart({ gigabytes: wanted }: { readonly gigabytes: string }): Promise<void> {
  const gigabytes = Number(wanted);
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  try {
    const options = { maxBytes: 0, folder, maxFolderBytes: 1.1e9 * gigabytes };
    const first = await openCache(options);
    const count = Math.ceil((gigabytes * 1e9) / (1024 * 2048 * 4 * 2));
    for (let i = 0; i < count; i++) {
      await first.get(keyOf(i), async () => large(i));
      while (first.stats.diskRecords < i - 4) await new Promise((done) => setTimeout(done, 5));
    }
    await first.close();
    const started = performance.now();
    const second = await openCache(options);
    const { source, features } = await second.get(keyOf(count >> 1), async () => large(-1));
    const isRight = source === "disk" && features.visual_tokens![0] === count >> 1;
    const ms = performance.now() - started;
    console.log(
      `${(folderBytes(folder) / 1e9).toFixed(1)} GB on disk: first answer from it ${ms.toFixed(0)} ms after opening (${isRight ? "right" : "WRONG"})`,
    );
    await second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false })) // some go meanwhile
    .reduce((sum, status) => sum + (status?.isFile() ? status.size : 0), 0);
}

interface Mix {
  readonly model?: string | undefined;
  readonly side: string;
  readonly warm: string;
}

/** What a server that has run for a while remembers: hot prefixes, more pictures, not all of 10,000. */
const room = { encoderCacheBytes: 4 * 2 ** 30, prefixCacheBytes: 8 * 2 ** 30 };
const [blocks, blockLength] = [10, 20];

/** A long-running server's questions. */
async function zipf({ model, side, warm }: Mix): Promise<void> {
  const models = await withAndWithout(model, room);
  const order = zipfOrder(Number(warm) + blocks * blockLength, 10_000);
  const images = new Map(order.map((picture) => [picture, draw(picture, Number(side))]));
  const drawn = order.map((picture) => images.get(picture)!);
  await inParallel(Number(warm), 4, (i) => ask(models.with, drawn[i]!));
  await compare(`Zipf(1.1) over 10,000, after ${warm}`, models, drawn.slice(Number(warm)));
}

/** Pictures that no one asked about before, with the budgets that a model has by default, which are full soon. */
async function fresh({ model, side }: Mix): Promise<void> {
  const models = await withAndWithout(model, {});
  const numFirst = 200;
  const drawn = Array.from({ length: numFirst + blocks * blockLength }, (_, i) => draw(i, Number(side)));
  await inParallel(numFirst, 4, (i) => ask(models.with, drawn[i]!));
  await compare("all new", models, drawn.slice(numFirst));
}

/** The same model twice, asked the same in turns: what else the machine does falls on both. */
async function withAndWithout(folder = join(import.meta.dirname, "../checkpoints/ocellus-tiny"), memory: object) {
  const open = (memory: object) => loadModel(folder, { weights: "int4", blockSize: 128, memory });
  return { with: await open(memory), without: await open({ encoderCacheBytes: 0, prefixCacheBytes: 0 }) };
}

async function compare(
  what: string,
  models: Record<"with" | "without", VisionLanguageModel>,
  drawn: readonly Picture[],
): Promise<void> {
  const times: Record<keyof typeof models, number[]> = { with: [], without: [] };
  const from: Record<string, number> = {};
  for (let block = 0; block < blocks; block++)
    for (const name of block % 2 === 0 ? (["with", "without"] as const) : (["without", "with"] as const)) {
      const started = performance.now();
      await inParallel(blockLength, 4, async (i) => {
        const { images } = await ask(models[name], drawn[block * blockLength + i]!);
        if (name === "with") from[images[0]!.source] = (from[images[0]!.source] ?? 0) + 1;
      });
      times[name].push(performance.now() - started);
    }
  const ratios = times.without.map((ms, block) => ms / times.with[block]!).sort((a, b) => a - b);
  const seconds = (all: readonly number[]) => all.reduce((sum, ms) => sum + ms, 0) / 1000;
  const [on, off] = [seconds(times.with), seconds(times.without)].map((s) => drawn.length / s);
  const spread = `block by block ${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)}, median ${ratios[ratios.length >> 1]!.toFixed(2)}`;
  console.log(
    `${what}: with memory ${on!.toFixed(2)}, without ${off!.toFixed(2)} answers/s: × ${(on! / off!).toFixed(3)} (${spread})`,
  );
  console.log(`  pictures came from ${JSON.stringify(from)}`);
  await Promise.all([models.with.close(), models.without.close()]);
}

function zipfOrder(length: number, count: number): number[] {
  const random = randomNumbers(7);
  let sum = 0;
  const ends = Array.from({ length: count }, (_, rank) => (sum += (rank + 1) ** -1.1));
  return Array.from({ length }, () => {
    const at = random() * sum;
    return ends.findIndex((end) => end > at);
  });
}

type Picture = ReturnType<typeof draw>;

function draw(picture: number, side: number) {
  const random = randomNumbers(picture);
  return { width: side, height: side, data: Uint8Array.from({ length: side * side * 3 }, () => random() * 256) };
}

/** Answers of one token: the picture and the prompt are what is paid for. */
function ask(model: VisionLanguageModel, picture: Picture) {
  const content = [image(picture), "What is this?"];
  return model.answer([{ role: "user", content }], { maxTokens: 1 });
}

/** Records of all sizes come and go; what is held is looked at all the time. */
async function soak(minutes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  const [maxBytes, maxFolderBytes, largest] = [64e6, 512e6, 4e6];
  const store = await openCache({ maxBytes, folder, maxFolderBytes });
  const random = randomNumbers(3);
  let [most, mostOnDisk, mostCounted, asked, wrong] = [0, 0, 0, 0, 0];
  const watch = setInterval(() => {
    mostOnDisk = Math.max(mostOnDisk, folderBytes(folder));
    mostCounted = Math.max(mostCounted, store.stats.diskBytes);
  }, 2000);
  try {
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end) {
      const picture = Math.floor(2000 * random() ** 3);
      const length = 1000 + (((picture * 7919) % 1000) * largest) / 2 / 1000;
      const found = await store.get(`picture ${picture}`, async () => ({
        it: new Float32Array(Math.floor(length)).fill(picture),
      }));
      if (found.features.it!.at(-1) !== picture || found.features.it!.length !== Math.floor(length)) wrong++;
      most = Math.max(most, store.stats.bytes);
      if (++asked % 20 === 0) await new Promise((done) => setTimeout(done, 20));
    }
    await store.close();
    const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
    console.log(
      `${minutes} minutes, ${asked} lookups, ${wrong} wrong; budgets ${megabytes(maxBytes)}, ${megabytes(maxFolderBytes)}`,
    );
    console.log(
      `most in memory ${megabytes(most)}; most on disk ${megabytes(mostOnDisk)} (counted ${megabytes(mostCounted)})`,
    );
    console.log(`disk failures ${store.stats.diskFailures}, damaged records ${store.stats.damagedRecords}`);
  } finally {
    clearInterval(watch);
    rmSync(folder, { recursive: true });
  }
}
