/**
 * Reuse among near-duplicates: how many harmless variants of a picture it takes for the picture, and whether it ever takes another
 * one for it. `npm run bench -- near [--scenes 20] [--first 1] [--box FILE]
 * [--answers 1] [--seconds 3600]`: drawn scenes as Qwen3-VL is shown them; with --box
 * (from training/make_near.py) scenes of the model in the box as it is shown them, whose answers are compared too. Beside it, what
 * a bare cosine of 0.95 over pooled features of the model in the box does on the same pictures.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp, { type Sharp } from "sharp";
import { describe, innerProduct, leastSimilarity } from "../src/features/near-pictures.js";
import { type Planes, planesOf } from "../src/features/plane.js";
import { differences, isSame } from "../src/features/same-picture.js";
import { decodeImage, type ImageRecipe, preprocess, shownPicture } from "../src/image/index.js";
import { cosine, image, loadModel, type VisionLanguageModel } from "../src/runtime/index.js";
import { changes, drawScene, randomNumbers } from "./support/near-scenes.js";

const norm = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const boxRecipe: ImageRecipe = { kind: "fit", width: 112, height: 112, patchSize: 14, ...norm };
const largeRecipe: ImageRecipe = {
  ...{ kind: "smart_resize", patchSize: 16, mergeSize: 2, temporalPatchSize: 2, minPixels: 65_536, maxPixels: 2 ** 24 },
  ...norm,
};

interface Picture {
  readonly file: Buffer;
  readonly planes: Planes;
  readonly pooled: Float32Array;
}

interface Tally {
  asked: number;
  near: number;
  proposed: number;
  bare: number;
  ms: number[];
}

export async function main(args: string[]): Promise<void> {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const options = { scenes: text("20"), first: text("1"), box: text(""), answers: text("0"), seconds: text("3600") };
  const { values } = parseArgs({ args, options });
  const model = await loadModel(join(import.meta.dirname, "../checkpoints/ocellus-tiny"), { weights: "int4" });
  try {
    const bench = new Bench(model, Number(values.answers));
    const [first, count] = [Number(values.first), Number(values.scenes)];
    const end = performance.now() + 1000 * Number(values.seconds);
    const box = values.box === "" ? undefined : readFileSync(values.box, "utf8").trimEnd().split("\n");
    for (let number = first; number < first + count && performance.now() < end; number++)
      if (!box) await bench.drawn(number);
      else if (box[number - 1]) await bench.box(box[number - 1]!, number);
    bench.report();
  } finally {
    await model.close();
  }
}

class Bench {
  readonly #model: VisionLanguageModel;
  readonly #numAnswers: number;
  readonly #harmless = new Map<string, Tally>();
  readonly #hard = new Map<string, Tally>();
  readonly #answers = { asked: 0, changed: 0, changedOfRefused: 0, ofRefused: 0 };

  constructor(model: VisionLanguageModel, numAnswers: number) {
    this.#model = model;
    this.#numAnswers = numAnswers;
  }

  /** One scene of each kind, its harmless variants, and the scene with one thing changed, encoded anew in several ways. */
  async drawn(seed: number): Promise<void> {
    for (const kind of ["form", "still life"] as const) {
      const scene = await drawScene(kind, seed);
      const base = { raw: scene.rgb, width: scene.width, height: scene.height };
      const kept = await this.#picture(await encode(base).png().toBuffer(), largeRecipe);
      for (const [name, file] of await variants(base, seed))
        await this.#try(this.#harmless, name, kept, file, largeRecipe);
      for (const change of changes) {
        const other = await drawScene(kind, seed, change);
        const changed = { raw: other.rgb, width: other.width, height: other.height };
        if (other.rgb.equals(scene.rgb)) continue; // a form without a badge to move
        for (const file of await disguises(changed, seed)) await this.#try(this.#hard, change, kept, file, largeRecipe);
      }
    }
  }

  /** A line of training/make_near.py: a picture, its questions, the same scene with one thing changed. */
  async box(line: string, number: number): Promise<void> {
    const { image: url, questions, changed } = JSON.parse(line) as BoxLine;
    const base = await pixelsOf(url);
    const kept = await this.#picture(await encode(base).png().toBuffer(), boxRecipe);
    for (const [name, file] of await variants(base, number)) {
      const isNear = await this.#try(this.#harmless, name, kept, file, boxRecipe);
      for (let i = 0; i < this.#numAnswers; i++)
        await this.#compareAnswers(kept, file, questions[(number + i) % questions.length]!, isNear);
    }
    for (const [change, other] of Object.entries(changed))
      for (const file of await disguises(await pixelsOf(other), number))
        await this.#try(this.#hard, change, kept, file, boxRecipe);
  }

  report(): void {
    const line = (name: string, { asked, near, proposed, bare, ms }: Tally) => {
      const share = (part: number) => `${((100 * part) / asked).toFixed(2).padStart(7)} %`;
      const median = ms.toSorted((a, b) => a - b)[ms.length >> 1]!;
      console.log(
        `${name.padEnd(18)}${String(asked).padStart(7)}${share(near)}${share(proposed)}${share(bare)}${median.toFixed(1).padStart(8)} ms`,
      );
    };
    console.log("harmless             asked   reused  proposed  bare cosine");
    for (const [name, tally] of this.#harmless) line(name, tally);
    line("all", total(this.#harmless));
    console.log("changed              asked   reused  proposed  bare cosine");
    for (const [name, tally] of this.#hard) line(name, tally);
    const all = total(this.#hard);
    line("all", all);
    console.log(`${all.near} false hits in ${all.asked}; bare cosine: ${all.bare}`);
    const { asked, changed, ofRefused, changedOfRefused } = this.#answers;
    if (asked > 0)
      console.log(
        `answers: ${changed} of ${asked} changed among near hits, ${changedOfRefused} of ${ofRefused} among refused variants`,
      );
    console.log(
      JSON.stringify({ harmless: tallies(this.#harmless), hard: tallies(this.#hard), answers: this.#answers }),
    );
  }

  async #picture(file: Buffer, recipe: ImageRecipe): Promise<Picture> {
    const decoded = await decodeImage(new Uint8Array(file));
    const planes = planesOf(shownPicture(preprocess(decoded, recipe), recipe));
    const { visualTokens } = await this.#model.encodeImage(preprocess(decoded, boxRecipe));
    return { file, planes, pooled: meanToken(visualTokens) };
  }

  async #try(
    into: Map<string, Tally>,
    name: string,
    kept: Picture,
    file: Buffer,
    recipe: ImageRecipe,
  ): Promise<boolean> {
    const { planes, pooled } = await this.#picture(file, recipe);
    const started = performance.now();
    const isProposed = innerProduct(describe(planes), describe(kept.planes)) >= leastSimilarity;
    const isNear = isProposed && isSame(differences(planes, kept.planes), planes);
    const tally = into.get(name) ?? { asked: 0, near: 0, proposed: 0, bare: 0, ms: [] };
    into.set(name, tally);
    tally.asked++;
    tally.ms.push(performance.now() - started);
    if (isProposed) tally.proposed++;
    if (isNear) tally.near++;
    if (cosine(pooled, kept.pooled) >= 0.95) tally.bare++;
    return isNear;
  }

  async #compareAnswers(kept: Picture, file: Buffer, question: string, isNear: boolean): Promise<void> {
    const answer = async (bytes: Buffer) => {
      const content = [image(new Uint8Array(bytes)), question];
      return (await this.#model.answer([{ role: "user", content }], { maxTokens: 32, sampling: { temperature: 0 } }))
        .text;
    };
    const isChanged = (await answer(kept.file)) !== (await answer(file));
    this.#answers[isNear ? "asked" : "ofRefused"]++;
    if (isChanged) this.#answers[isNear ? "changed" : "changedOfRefused"]++;
  }
}

interface BoxLine {
  readonly image: string;
  readonly questions: readonly string[];
  readonly changed: Readonly<Record<string, string>>;
}

interface Raw {
  readonly raw: Buffer;
  readonly width: number;
  readonly height: number;
}

function encode({ raw, width, height }: Raw) {
  return sharp(raw, { raw: { width, height, channels: 3 } });
}

async function pixelsOf(url: string): Promise<Raw> {
  const { width, height, data } = await decodeImage(
    new Uint8Array(Buffer.from(url.slice(url.indexOf(",") + 1), "base64")),
  );
  return { raw: Buffer.from(data), width, height };
}

async function variants(base: Raw, seed: number): Promise<[string, Buffer][]> {
  const made: [string, Promise<Buffer>][] = [
    ...[40, 55, 75, 95].map((quality): [string, Promise<Buffer>] => [
      `JPEG ${quality}`,
      encode(base).jpeg({ quality }).toBuffer(),
    ]),
    ...[50, 80].map((quality): [string, Promise<Buffer>] => [
      `WebP ${quality}`,
      encode(base).webp({ quality }).toBuffer(),
    ]),
    ...[0.5, 0.75, 1.5, 2].map((by): [string, Promise<Buffer>] => [`resize ${by}`, resized(base, by).png().toBuffer()]),
    ...[0.01, 0.02].map((by): [string, Promise<Buffer>] => [
      `crop ${100 * by} %`,
      cropped(base, by, seed).png().toBuffer(),
    ]),
    ...[0.9, 1.1].map((by): [string, Promise<Buffer>] => [
      `light × ${by}`,
      encode(base).linear(by, 0).png().toBuffer(),
    ]),
    [
      "crop, JPEG 75",
      cropped(base, 0.02, seed + 1)
        .jpeg({ quality: 75 })
        .toBuffer(),
    ],
  ];
  return Promise.all(made.map(async ([name, file]): Promise<[string, Buffer]> => [name, await file]));
}

/** What a changed picture comes as: nothing of that makes it the unchanged one. */
async function disguises(changed: Raw, seed: number): Promise<Buffer[]> {
  return Promise.all([
    encode(changed).png().toBuffer(),
    encode(changed).jpeg({ quality: 75 }).toBuffer(),
    encode(changed).jpeg({ quality: 40 }).toBuffer(),
    cropped(changed, 0.02, seed).webp({ quality: 80 }).toBuffer(),
    encode(await asRaw(resized(changed, 0.75)))
      .linear(0.95, 0)
      .jpeg({ quality: 85 })
      .toBuffer(),
  ]);
}

async function asRaw(picture: Sharp): Promise<Raw> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  return { raw: data, width: info.width, height: info.height };
}

function resized(base: Raw, by: number) {
  return encode(base).resize({ width: Math.round(base.width * by) });
}

/** So much of each side is lost, shared at random between its two edges. */
function cropped(base: Raw, by: number, seed: number) {
  const random = randomNumbers(seed);
  const [lostX, lostY] = [Math.round(base.width * by), Math.round(base.height * by)];
  const [left, top] = [Math.floor(random() * (lostX + 1)), Math.floor(random() * (lostY + 1))];
  return encode(base).extract({ left, top, width: base.width - lostX, height: base.height - lostY });
}

/** [num_tokens, 192] → their mean. */
function meanToken(tokens: Float32Array): Float32Array {
  const width = 192;
  const mean = new Float32Array(width);
  for (const [i, value] of tokens.entries()) mean[i % width]! += (value * width) / tokens.length;
  return mean;
}

function total(tallies: ReadonlyMap<string, Tally>): Tally {
  const sum = (of: (tally: Tally) => number) => [...tallies.values()].reduce((all, tally) => all + of(tally), 0);
  const ms = [...tallies.values()].flatMap((tally) => tally.ms);
  return {
    asked: sum((t) => t.asked),
    near: sum((t) => t.near),
    proposed: sum((t) => t.proposed),
    bare: sum((t) => t.bare),
    ms,
  };
}

/** For adding up runs of parts. */
function tallies(of: ReadonlyMap<string, Tally>) {
  return Object.fromEntries(
    [...of].map(([name, { asked, near, proposed, bare }]) => [name, { asked, near, proposed, bare }]),
  );
}
