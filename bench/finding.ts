/**
 * Whether a picture finds itself again: the pictures of eval/ in one collection by the eye of the bundled demo model, asked for
 * with changed copies of some of them. `npm run bench -- finding [--queries 300]`
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp, { type Sharp } from "sharp";
import { loadModel } from "../src/core/runtime/index.js";
import { ExactIndex, Rows } from "../src/retrieval/index.js";

const root = join(import.meta.dirname, "..");

const changes: Readonly<Record<string, (image: Sharp) => Sharp>> = {
  "JPEG, quality 40": (image) => image.jpeg({ quality: 40 }),
  "half the size": (image) => image.resize(56).png(),
  "twice the size": (image) => image.resize(224).png(),
  "2 % cut off each side": (image) => image.extract({ left: 2, top: 2, width: 108, height: 108 }).png(),
  "10 % darker": (image) => image.modulate({ brightness: 0.9 }).png(),
  "10 % brighter": (image) => image.modulate({ brightness: 1.1 }).png(),
  mirrored: (image) => image.flop().png(),
};

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { queries: { type: "string", default: "300" } } });
  const images = readImages();
  const model = await loadModel(join(root, "checkpoints/ocellus-tiny"), { weights: "int4", device: "cpu" });
  const index = new ExactIndex(new Rows((await model.embedImage(images[0]!)).length));
  for (const [key, image] of images.entries()) index.add(key, await model.embedImage(image));
  const step = Math.max(1, Math.floor(images.length / Number(values.queries)));
  const wanted = [...images.keys()].filter((key) => key % step === 0);
  console.log(
    `${images.length} pictures, ${wanted.length} queries\n\n| change | first | among ten | median cosine |\n|---|---|---|---|`,
  );
  for (const [name, change] of Object.entries(changes)) {
    const found: { rank: number; score: number }[] = [];
    for (const key of wanted) {
      const copy = await model.embedImage(await change(sharp(images[key])).toBuffer());
      const score = copy.reduce((sum, x, i) => sum + x * index.vector(key)![i]!, 0);
      const rank = (await index.search(copy, 10)).findIndex((neighbour) => neighbour.key === key);
      found.push({ score, rank });
    }
    const share = (most: number) => percent(found.filter(({ rank }) => rank >= 0 && rank < most).length / found.length);
    const scores = found.map(({ score }) => score).sort((a, b) => a - b);
    console.log(`| ${name} | ${share(1)} | ${share(10)} | ${scores[scores.length >> 1]!.toFixed(3)} |`);
  }
  await model.close();
}

/** Different ones: some questions share a picture. */
function readImages(): Buffer[] {
  const files = readdirSync(join(root, "eval")).filter((name) => name.endsWith(".jsonl"));
  const lines = files.flatMap((name) =>
    readFileSync(join(root, "eval", name), "utf8")
      .trimEnd()
      .split("\n"),
  );
  const urls = new Set(lines.map((line) => (JSON.parse(line) as { image: string }).image));
  return [...urls].map((url) => Buffer.from(url.slice(url.indexOf(",") + 1), "base64"));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
