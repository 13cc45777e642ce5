/**
 * `npm run bench -- heads`: how long a head over 10,000 images takes once their features are known (10 classes, 768 numbers, drawn
 * around 10 points: the time depends on the sizes alone, and on how many steps the fits need).
 *
 * `npm run bench -- heads --data FOLDER [--model CHECKPOINT] [--per-class 20] [--tested 40] [--question TEXT]`: a folder per class; so
 * many of each teach a head over the model's image encoder, and so many others are classified by the head and, without examples, by
 * the model itself, whose answer is one of the names of the classes. Default: the bundled demo model, which was trained on drawn shop
 * windows. bench/support/digits.py makes a folder of digits.
 *
 * `npm run bench -- heads --look-alikes FOLDER [--model CHECKPOINT]`: how far images are from their copies as JPEG, and from the
 * nearest other one, as shares of the mean squared distance.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { joinFloats } from "../src/core/base/index.js";
import { createRandom } from "../src/core/engine/index.js";
import { type ImageInput, image, loadClassifier, loadFeatureEncoder, loadModel } from "../src/core/runtime/index.js";
import { wilsonInterval } from "../src/evals/index.js";
import { fitHead } from "../src/tune/head/fit-head.js";
import { shuffle } from "../src/tune/head/folds.js";
import type { Matrix } from "../src/tune/head/products.js";
import { standardise, standardOf } from "../src/tune/head/standardise.js";
import { readLabelledImages, tuneHead } from "../src/tune/index.js";

const bundled = join(import.meta.dirname, "../checkpoints/ocellus-tiny");

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: "string" },
      "look-alikes": { type: "string" },
      model: { type: "string", default: bundled },
      "per-class": { type: "string", default: "20" },
      tested: { type: "string", default: "40" },
      question: { type: "string", default: "What is shown?" },
    },
  });
  if (values["look-alikes"] !== undefined) return copies(values["look-alikes"], values.model);
  if (values.data === undefined) return timing(10_000, 768, 10);
  const counts = [Number(values["per-class"]), Number(values.tested)] as const;
  await compare(values.data, values.model, counts, values.question);
}

async function timing(rows: number, columns: number, numClasses: number): Promise<void> {
  const random = createRandom(1);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const centres = Array.from({ length: numClasses }, () =>
    Float32Array.from({ length: columns }, () => 0.12 * normal()),
  );
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < data.length; i++)
    data[i] = normal() + centres[Math.floor(i / columns) % numClasses]![i % columns]!;
  const images = Array.from({ length: rows }, (_, i) => ({ path: `${i}`, label: `class ${i % numClasses}` }));
  const labels = centres.map((_, k) => `class ${k}`);
  const digests = images.map(({ path }) => path);
  const [started, before] = [performance.now(), process.cpuUsage()];
  const { report } = await fitHead({ images, features: { data, rows, columns }, digests }, labels, {});
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const { accuracy, recipe } = report;
  console.log(
    `${rows} images, ${columns} features, ${numClasses} classes, ${recipe.folds} folds: ${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of all cores together`,
  );
  console.log(
    `accuracy ${percent(accuracy)}, penalty ${recipe.penalty.toPrecision(2)}, ${recipe.path.length} penalties tried`,
  );
}

async function copies(folder: string, checkpoint: string): Promise<void> {
  const { images } = await readLabelledImages(folder);
  const encoder = await loadFeatureEncoder(checkpoint);
  const encode = async (input: ImageInput) => (await encoder.encode(input)).vector;
  const [plain, coded]: [Float32Array[], Float32Array[]] = [[], []];
  for (const { path } of images.filter((_, i) => i % Math.ceil(images.length / 150) === 0)) {
    plain.push(await encode(path));
    coded.push(await encode(await sharp(path).jpeg({ quality: 60 }).toBuffer()));
  }
  await encoder.close();
  const matrix = (rows: readonly Float32Array[]) => ({
    data: joinFloats(rows),
    rows: rows.length,
    columns: rows[0]!.length,
  });
  const standard = standardOf(matrix(plain));
  const [a, b] = [plain, coded].map((rows) => standardise(matrix(rows), standard));
  const { columns } = a!;
  const distance = (x: Matrix, i: number, y: Matrix, j: number) =>
    Array.from({ length: columns }, (_, k) => (x.data[i * columns + k]! - y.data[j * columns + k]!) ** 2)
      .reduce((sum, each) => sum + each, 0) / (2 * columns); // biome-ignore format: one thought
  const places = [...plain.keys()];
  const quantiles = (values: readonly number[]) =>
    [0, 0.5, 0.95, 1].map((share) =>
      values.toSorted((x, y) => x - y)[Math.round(share * (values.length - 1))]!.toExponential(1),
    );
  console.log(`${places.length} images; least, median, 95 %, most`);
  console.log(`as JPEG of quality 60: ${quantiles(places.map((i) => distance(a!, i, b!, i))).join(", ")}`);
  const others = places.map((i) => Math.min(...places.filter((j) => j !== i).map((j) => distance(a!, i, a!, j))));
  console.log(`nearest other image:   ${quantiles(others).join(", ")}`);
}

async function compare(
  data: string,
  checkpoint: string,
  [perClass, numTested]: readonly [number, number],
  question: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-heads-"));
  try {
    const { images, labels } = await readLabelledImages(data);
    const random = createRandom(1);
    const mixed = labels.map((label) => shuffle(images.filter((each) => each.label === label), random)); // biome-ignore format: one thought
    const [taught, tested] = [
      mixed.flatMap((all) => all.slice(0, perClass)),
      mixed.flatMap((all) => all.slice(perClass, perClass + numTested)),
    ];
    writeFileSync(
      join(folder, "taught.jsonl"),
      taught.map(({ path, label }) => `${JSON.stringify({ path, label })}\n`).join(""),
    );
    const started = performance.now();
    const report = await tuneHead(join(folder, "taught.jsonl"), { encoder: checkpoint, into: join(folder, "head") });
    console.log(
      `taught by ${taught.length} images in ${((performance.now() - started) / 1000).toFixed(0)} s, features cached ${report.data.cached}`,
    );
    console.log(
      `cross-validation said ${percent(report.accuracy)}, calibration error ${(100 * report.calibration.error).toFixed(1)} %`,
    );
    const classifier = await loadClassifier(join(folder, "head"), { weights: "fp32" });
    const byHead: boolean[] = [];
    for (const { path, label } of tested) {
      const found = await classifier.classify(path);
      byHead.push(found.toSorted((a, b) => b.probability - a.probability)[0]!.label === label);
    }
    await classifier.close();
    const byModel = await askAll(checkpoint, tested, labels, question);
    console.log(
      `${tested.length} other images: head ${share(byHead)}, without examples ${share(byModel)}, chance ${(100 / labels.length).toFixed(1)} %`,
    );
    console.log(`the head is better by ${difference(byHead, byModel)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function askAll(
  checkpoint: string,
  tested: readonly { path: string; label: string }[],
  labels: readonly string[],
  question: string,
) {
  const model = await loadModel(checkpoint);
  const responseFormat = { type: "json_schema", schema: { enum: labels } } as const;
  const right: boolean[] = [];
  for (const { path, label } of tested) {
    const { text } = await model.answer([{ role: "user", content: [image(path), question] }], {
      responseFormat,
      sampling: { temperature: 0 },
    });
    right.push(JSON.parse(text) === label);
  }
  await model.close();
  return right;
}

const percent = ({ value, low, high }: { value: number; low: number; high: number }) =>
  `${(100 * value).toFixed(1)} % (95 %: ${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;

function share(right: readonly boolean[]): string {
  const correct = right.filter(Boolean).length;
  return percent({ value: correct / right.length, ...wilsonInterval(correct, right.length) });
}

/** Of the same images, drawn again 2,000 times. */
function difference(a: readonly boolean[], b: readonly boolean[]): string {
  const random = createRandom(2);
  const gains = a.map((right, i) => Number(right) - Number(b[i]));
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const drawn = Array.from({ length: 2000 }, () => mean(gains.map(() => gains[Math.floor(random() * gains.length)]!)));
  drawn.sort((x, y) => x - y);
  const points = (x: number) => (100 * x).toFixed(1);
  return `${points(mean(gains))} points (95 %: ${points(drawn[50]!)} to ${points(drawn[1949]!)})`;
}
