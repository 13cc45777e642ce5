/**
 * Reuse among near-duplicates: how many harmless variants of a picture it takes for the picture, and whether it ever takes another
 * one for it. `npm run bench -- near [--scenes 20] [--first 1] [--box FILE [--answers 2]] [--log FILE]`: drawn scenes as Qwen3-VL is
 * shown them; with --box (from training/make_near.py) scenes of the bundled demo model as it is shown them, whose answers are compared
 * too. Beside it, what a bare cosine of 0.95 over pooled features of the bundled demo model does on the same pictures.
 *
 * With --log each scene's counts are appended to a file, and scenes that stand there are passed over: runs can be cut off, and
 * shared out. `near --sum FILE [FILE …]` prints the tables of such files together. With --each every comparison's numbers are
 * appended to another file, to see how far the limits are.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeImage } from "../src/core/image/node/index.js";
import { type ImageProcessor, pixelsToImage, preprocess } from "../src/core/image/spec/index.js";
import { cosine, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { type Fingerprint, innerProduct, lookOf, planesIn } from "../src/near-duplicates/fingerprint.js";
import { leastSimilarity } from "../src/near-duplicates/near-duplicates.js";
import { differences, isSame } from "../src/near-duplicates/same-image.js";
import { kinds } from "./support/near-scenes.js";
import { type Counts, report, type SceneCounts, sceneCounts } from "./support/near-tables.js";
import { drawnTrials, rawOf, type Trials, trialsOf } from "./support/near-trials.js";

const norm = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const boxProcessor: ImageProcessor = { kind: "fit", width: 112, height: 112, patchSize: 14, ...norm };
const largeProcessor: ImageProcessor = {
  ...{ kind: "smart_resize", patchSize: 16, mergeSize: 2, temporalPatchSize: 2, minPixels: 65_536, maxPixels: 2 ** 24 },
  ...norm,
};

interface Question {
  readonly question: string;
  readonly answer: string;
}

/** A line of training/make_near.py: a picture, its questions, the same scene with one thing changed. */
interface BoxLine {
  readonly image: string;
  readonly questions: readonly Question[];
  readonly changed: Readonly<Record<string, string>>;
}

export async function main(args: string[]): Promise<void> {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ scenes: text("20"), first: text("1"), box: text(""), answers: text("0"), log: text(""), each: text("") },
      sum: { type: "boolean", default: false },
    },
  });
  if (values.sum) return report(positionals.flatMap(read));
  const model = await loadModel(join(import.meta.dirname, "../checkpoints/ocellus-tiny"), { weights: "int4" });
  try {
    const bench = new Bench(model, values.log, values.each, Number(values.answers));
    const box = values.box === "" ? undefined : readFileSync(values.box, "utf8").trimEnd().split("\n");
    const first = Number(values.first);
    for (let seed = first; seed < first + Number(values.scenes); seed++)
      if (!box) for (const kind of kinds) await bench.try(kind, seed, () => drawnTrials(kind, seed));
      else if (box[seed - 1]) await bench.box(JSON.parse(box[seed - 1]!) as BoxLine, seed);
    report(bench.scenes);
  } finally {
    await model.close();
  }
}

function read(file: string): SceneCounts[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as SceneCounts);
}

interface Picture {
  readonly look: Fingerprint;
  readonly pooled: Float32Array;
}

class Bench {
  readonly scenes: SceneCounts[];
  readonly #model: VisionLanguageModel;
  readonly #log: string;
  readonly #each: string;
  readonly #numAnswers: number;

  constructor(model: VisionLanguageModel, log: string, each: string, numAnswers: number) {
    this.#model = model;
    this.#log = log;
    this.#each = each;
    this.#numAnswers = numAnswers;
    this.scenes = log !== "" && existsSync(log) ? read(log) : [];
  }

  async box({ image: url, questions, changed }: BoxLine, number: number): Promise<void> {
    const others = Object.entries(changed).map(async ([what, other]) => [what, await rawOf(other)] as const);
    const asked = Array.from({ length: this.#numAnswers }, (_, i) => questions[(number + 3 * i) % questions.length]!);
    await this.try("box", number, async () => trialsOf(await rawOf(url), await Promise.all(others), number), asked);
  }

  /** @param questions whose answers about the picture and its variants are compared. */
  async try(kind: SceneCounts["kind"], seed: number, make: () => Promise<Trials>, questions: readonly Question[] = []) {
    if (this.scenes.some((scene) => scene.kind === kind && scene.seed === seed)) return;
    const scene = sceneCounts(kind, seed);
    const { original, harmless, hard } = await make();
    const see = this.#seer(kind === "box" ? boxProcessor : largeProcessor);
    for (const [name, file] of harmless) {
      const isNear = tried(scene.harmless, [name], await see(original), await see(file), this.#each);
      if (isNear) for (const question of questions) await this.#compareAnswers(scene, name, original, file, question);
    }
    for (const { change, how, kept, asked } of hard) {
      const isNear = tried(scene.hard, [change, how], await see(kept), await see(asked), this.#each);
      if (isNear) console.log(`false hit: ${kind} ${seed}, ${change}, ${how}`);
    }
    this.scenes.push(scene);
    if (this.#log !== "") appendFileSync(this.#log, `${JSON.stringify(scene)}\n`);
  }

  /** Each file once. */
  #seer(imageProcessor: ImageProcessor): (file: Buffer) => Promise<Picture> {
    const known = new Map<Buffer, Promise<Picture>>();
    return (file) => {
      const picture = known.get(file) ?? this.#see(file, imageProcessor);
      known.set(file, picture);
      return picture;
    };
  }

  async #see(file: Buffer, imageProcessor: ImageProcessor): Promise<Picture> {
    const decoded = await decodeImage(new Uint8Array(file));
    const pixels = preprocess(decoded, imageProcessor);
    const picture = pixels.own ?? pixelsToImage(pixels, imageProcessor);
    const { visualTokens } = await this.#model.encodeImage(preprocess(decoded, boxProcessor));
    return { look: lookOf(picture), pooled: meanToken(visualTokens) };
  }

  async #compareAnswers(
    scene: SceneCounts,
    variant: string,
    original: Buffer,
    file: Buffer,
    { question, answer }: Question,
  ): Promise<void> {
    const said = async (bytes: Buffer) => {
      const content = [image(new Uint8Array(bytes)), question];
      return (await this.#model.answer([{ role: "user", content }], { maxTokens: 32, sampling: { temperature: 0 } }))
        .text;
    };
    const [kept, own] = [await said(original), await said(file)];
    const counts = scene.answers[variant] ?? { near: 0, changed: 0, keptRight: 0, ownRight: 0 };
    scene.answers[variant] = counts;
    counts.near++;
    if (kept === own) return;
    counts.changed++;
    if (kept === answer) counts.keptRight++;
    if (own === answer) counts.ownRight++;
  }
}

/** Counts the trial under each of the names. */
function tried(into: Record<string, Counts>, names: readonly string[], kept: Picture, asked: Picture, each: string) {
  const isProposed = innerProduct(asked.look.descriptor, kept.look.descriptor) >= leastSimilarity;
  const planes = planesIn(asked.look);
  const found = isProposed ? differences(planes, planesIn(kept.look), asked.look.lumaSteps) : undefined;
  const isNear = found !== undefined && isSame(found, planes);
  if (each !== "") appendFileSync(each, `${JSON.stringify({ names, isNear, ...found })}\n`);
  for (const name of names) {
    const counts = into[name] ?? { asked: 0, near: 0, proposed: 0, bare: 0 };
    into[name] = counts;
    counts.asked++;
    if (isProposed) counts.proposed++;
    if (isNear) counts.near++;
    if (cosine(asked.pooled, kept.pooled) >= 0.95) counts.bare++;
  }
  return isNear;
}

/** [num_tokens, 192] → their mean. */
function meanToken(tokens: Float32Array): Float32Array {
  const width = 192;
  const mean = new Float32Array(width);
  for (const [i, value] of tokens.entries()) mean[i % width]! += (value * width) / tokens.length;
  return mean;
}
