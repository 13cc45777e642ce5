/**
 * What guards add to a request, and what a picture costs the guard nsfw: `npm run bench -- guards [--requests 400]`.
 *
 * Requests go through the server's own routes in this process, to a model that takes no time: what is measured is the server
 * with guards beside the server without, in turns. nsfw is measured where the npm package nsfwjs is (node_modules, or
 * OCELLUS_NSFWJS=its folder), on the 200 pictures of its golden numbers and on one of 12 megapixels, on one core.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { RgbImage } from "../src/core/image/spec/index.js";
import { loadClassifier } from "../src/core/runtime/index.js";
import { nsfwCheckpoint } from "../src/guardrails/detectors/nsfw.js";
import { Guards } from "../src/guardrails/index.js";
import { createServer, ModelPool } from "../src/server/index.js";
import { generatedImage } from "../test/support/generated-images.js";
import { dataUrl, image, witness } from "../test/support/guards.js";
import { commonCharacters, mulberry } from "./support/evasions.js";

const root = join(import.meta.dirname, "..");
const nsfwFolder = process.env.OCELLUS_NSFWJS ?? join(root, "node_modules/nsfwjs");
const warmUp = 50;
const numWords = 60_000;
const question = "What material is the dress made of, and does it come with a belt? 这件连衣裙是什么面料的，配腰带吗？";

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { requests: { type: "string", default: "400" } } });
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-guards-"));
  try {
    await addedToRequests(folder, Number(values.requests));
    if (existsSync(nsfwFolder)) await nsfw();
    else console.log(`nsfw is not measured: there is no ${nsfwFolder}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function addedToRequests(folder: string, numRequests: number): Promise<void> {
  console.log(
    `A chat request whose answer has 60 pieces, p50 and p95 of ${numRequests} in ms; ${numWords} words in the list`,
  );
  writeFileSync(join(folder, "words.txt"), manyWords().join("\n"));
  const known = { type: "known-images", images: { ["0".repeat(64)]: "violence" } };
  const guards = { words: { type: "words", lists: ["words.txt"] }, personal: { type: "personal-data" }, known };
  const policies: Readonly<Record<string, object | undefined>> = {
    "no guards": undefined,
    "words, personal data, known pictures": { guards },
    "the same and the audit log": { guards, audit: { file: "audit.jsonl" } },
  };
  const servers = await Promise.all(
    Object.entries(policies).map(async ([name, policy], i) => {
      const path = join(folder, `policy-${i}.json`);
      writeFileSync(path, JSON.stringify(policy ?? {}));
      const opened = policy ? await Guards.open(path) : Guards.none();
      return { name, guards: opened, ask: serverOf(opened) };
    }),
  );
  const bodies = {
    "words only": (_: number) => bodyOf([]),
    "one picture, sent before": (_: number) => bodyOf([image(7)]),
    "one new picture (560 by 560 JPEG)": await newImages(numRequests + warmUp),
  };
  for (const [what, body] of Object.entries(bodies)) {
    const times = servers.map((): number[] => []);
    for (let i = 0; i < warmUp + numRequests; i++)
      for (const [at, { ask }] of servers.entries()) {
        const ms = await ask(body(i));
        if (i >= warmUp) times[at]!.push(ms);
      }
    console.log(`\n${what}`);
    const base = quantile(times[0]!, 0.5);
    for (const [at, { name }] of servers.entries()) {
      const [p50, p95] = [quantile(times[at]!, 0.5), quantile(times[at]!, 0.95)];
      const added = at === 0 ? "" : `  added p50 ${(p50 - base).toFixed(2)}  goal ≤ 5`;
      console.log(`  ${name.padEnd(38)} p50 ${p50.toFixed(2).padStart(6)}  p95 ${p95.toFixed(2).padStart(6)}${added}`);
    }
  }
  for (const server of servers) await server.guards.close();
}

/** Milliseconds of one request. */
function serverOf(guards: Guards): (body: string) => Promise<number> {
  const model = witness();
  model.pieces = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? " quiet" : " 安静的回答"));
  const server = createServer({ models: new ModelPool({ m: model }), config: { maxQueue: 100 }, guards });
  return async (body) => {
    model.seen.length = 0;
    const started = performance.now();
    const response = await server.fetch("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", host: "127.0.0.1" },
      body,
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    return performance.now() - started;
  };
}

function bodyOf(images: readonly Uint8Array[]): string {
  const shown = images.map((bytes) => ({ type: "image_url", image_url: { url: dataUrl(bytes) } }));
  return JSON.stringify({ messages: [{ role: "user", content: [...shown, { type: "text", text: question }] }] });
}

/** The same photo, each with another pixel: no digest is known. */
async function newImages(count: number): Promise<(i: number) => string> {
  const photo = sharp(join(root, "examples/pictures/dress.jpg")).resize(560, 560);
  const { data, info } = await photo.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const bodies: string[] = [];
  for (let i = 0; i < count; i++) {
    data[i * 3] = data[i * 3]! ^ 255;
    const raw = { width: info.width, height: info.height, channels: 3 } as const;
    bodies.push(bodyOf([await sharp(data, { raw }).jpeg({ quality: 90 }).toBuffer()]));
  }
  return (i) => bodies[i]!;
}

function manyWords(): string[] {
  const random = mulberry(5);
  const word = (letters: string, least: number, most: number) => {
    const length = least + Math.floor(random() * (most - least + 1));
    return Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join("");
  };
  return Array.from({ length: numWords }, (_, i) =>
    i % 3 === 0 ? word("abcdefghijklmnopqrstuvwxyz", 6, 11) : word(commonCharacters, 3, 5),
  );
}

async function nsfw(): Promise<void> {
  const classifier = await loadClassifier(await nsfwCheckpoint(nsfwFolder), {
    weights: "fp32",
    device: "cpu",
    threads: 1,
  });
  const golden = JSON.parse(readFileSync(join(root, "test/golden/keras_mobilenet_v2/scores.json"), "utf8")) as {
    bundled: Record<string, Record<string, number>>;
    generated: Record<string, number>[];
  };
  const images: [string | RgbImage, Record<string, number>][] = [
    ...Object.entries(golden.bundled).map(([name, scores]): [string, Record<string, number>] => [
      join(root, "examples/pictures", name),
      scores,
    ]),
    ...golden.generated.map((scores, seed): [RgbImage, Record<string, number>] => [generatedImage(seed), scores]),
  ];
  const look = async (shown: string | RgbImage | Uint8Array) => {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const found = await classifier.classify(shown);
    const { user, system } = process.cpuUsage(cpu);
    return { found, ms: performance.now() - started, cpuMs: (user + system) / 1000 };
  };
  await look(images[0]![0]);
  const [times, cpu]: [number[], number[]] = [[], []];
  let worst = 0;
  for (const [shown, scores] of images) {
    const { found, ms, cpuMs } = await look(shown);
    times.push(ms);
    cpu.push(cpuMs);
    for (const { label, probability } of found) worst = Math.max(worst, Math.abs(probability - scores[label]!));
  }
  const [p50, p95, cpu50] = [quantile(times, 0.5), quantile(times, 0.95), quantile(cpu, 0.5)];
  console.log(`\nnsfw, one thread, ${images.length} pictures (${Object.keys(golden.bundled).length} bundled)`);
  console.log(`  a picture, decoded and scaled        p50 ${p50.toFixed(1)} ms  p95 ${p95.toFixed(1)} ms  goal ≤ 60`);
  console.log(`  time of all cores                    p50 ${cpu50.toFixed(1)} ms`);
  console.log(`  largest difference to nsfwjs         ${worst.toExponential(1)}  goal ≤ 1e-3`);
  const photo = await sharp(join(root, "examples/pictures/dress.jpg"))
    .resize(4000, 3000, { fit: "fill" })
    .jpeg()
    .toBuffer();
  const large: number[] = [];
  for (let i = 0; i < 9; i++) large.push((await look(photo)).ms);
  console.log(`  a JPEG of 12 megapixels              p50 ${quantile(large, 0.5).toFixed(1)} ms`);
  await classifier.close();
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
