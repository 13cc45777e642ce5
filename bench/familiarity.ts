/**
 * How well the bundled demo model tells what it knows (docs/familiarity.md), on images that neither training nor its table has seen:
 * `npm run bench -- familiarity [--weights int4]`. AUC: the probability that an image like those of training scores higher than another.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { image, loadModel, type Weights } from "../src/core/runtime/index.js";

const root = join(import.meta.dirname, "..");
const known = ["own-words", "framed", "pairs"];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { weights: { type: "string", default: "int4" } } });
  const model = await loadModel(join(root, "checkpoints/ocellus-tiny"), { weights: values.weights as Weights });
  const scoresOf = async (name: string) => {
    const scores: { readonly score: number; readonly threshold: number }[] = [];
    for (const url of imagesOf(name)) {
      const answer = await model.answer([{ role: "user", content: [image(url), "?"] }], { maxTokens: 1 });
      scores.push(answer.images[0]!.familiarity!);
    }
    return scores;
  };
  const like = (await Promise.all(known.map(scoresOf))).flat();
  const foreign = await scoresOf("foreign");
  await model.close();
  const below = (scores: typeof like) => scores.filter(({ score, threshold }) => score < threshold).length;
  console.log(
    `AUC ${areaUnder(
      like.map(({ score }) => score),
      foreign.map(({ score }) => score),
    ).toFixed(4)}`,
  );
  console.log(
    `called unlike: ${below(foreign)} of ${foreign.length} foreign images, ${below(like)} of ${like.length} others`,
  );
}

function imagesOf(name: string): string[] {
  const lines = readFileSync(join(root, "eval/wild", `${name}.jsonl`), "utf8")
    .trim()
    .split("\n");
  return lines.flatMap((line) => {
    const { image, images = [image] } = JSON.parse(line) as { image: string; images?: string[] };
    return images;
  });
}

function areaUnder(higher: readonly number[], lower: readonly number[]): number {
  const wins = higher.flatMap((a) => lower.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
  return wins.reduce((sum: number, win) => sum + win, 0) / wins.length;
}
