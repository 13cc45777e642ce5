/**
 * How far the score of a match can be believed: asked of the bundled demo model about the descriptions of eval/, each known to
 * fit or not. A reliability table, and what verdicts cost at some thresholds. `npm run bench -- match [--limit 1600]`
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadModel } from "../src/core/runtime/index.js";
import { matchByAnswer } from "../src/retrieval/index.js";

interface Case {
  readonly image: string;
  readonly text: string;
  readonly fits: boolean;
}

interface Scored {
  readonly score: number;
  readonly fits: boolean;
}

const root = join(import.meta.dirname, "..");
/** How the examination asks; what is inside is the description. */
const phrasings = [
  /^(?:Is this correct|Does this text match the picture): (.*)\?$/,
  /^True or false: the picture shows (.*)\.$/,
  /^Does the picture show (.*)\?$/,
  /^(?:描述正确吗|图片和文字一致吗|这段文字和图片相符吗)：(.*)？$/,
  /^图中是(.*)吗？$/,
];
const edges = [0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { limit: { type: "string", default: "1600" } } });
  const cases = readCases().slice(0, Number(values.limit));
  const model = await loadModel(join(root, "checkpoints/ocellus-tiny"), { weights: "int4", device: "cpu" });
  const scored: Scored[] = [];
  const queue = cases.values();
  const work = async () => {
    for (const { image, text, fits } of queue)
      scored.push({ fits, score: (await matchByAnswer(model, image, text)).score });
  };
  await Promise.all([work(), work(), work(), work()]);
  await model.close();
  console.log(`${scored.length} descriptions, ${scored.filter(({ fits }) => fits).length} of them fit\n`);
  printReliability(scored);
  printThresholds(scored);
}

function readCases(): Case[] {
  const files = readdirSync(join(root, "eval")).filter((name) => name.endsWith(".jsonl"));
  const lines = files.flatMap((name) =>
    readFileSync(join(root, "eval", name), "utf8")
      .trimEnd()
      .split("\n"),
  );
  return lines.flatMap((line) => {
    const { image, questions } = JSON.parse(line) as { image: string; questions: Record<string, string>[] };
    return questions
      .filter(({ kind }) => kind === "match")
      .map(({ question, answer }) => ({ image, text: claimOf(question!), fits: /^(Yes|是)/.test(answer!) }));
  });
}

function claimOf(question: string): string {
  const found = phrasings.map((phrasing) => phrasing.exec(question)?.[1]).find((text) => text !== undefined);
  if (found === undefined) throw new Error(`a phrasing that this bench does not know: ${question}`);
  return found;
}

function printReliability(scored: readonly Scored[]): void {
  console.log("| score | descriptions | mean score | fit |\n|---|---|---|---|");
  for (const [i, low] of edges.slice(0, -1).entries()) {
    const high = edges[i + 1]!;
    const inside = scored.filter(({ score }) => score >= low && (score < high || high === 1));
    if (inside.length > 0) console.log(`| ${low} to ${high} | ${inside.length} | ${mean(inside)} | ${share(inside)} |`);
  }
  const error = Array.from({ length: 10 }, (_, i) =>
    scored.filter(({ score }) => Math.min(9, Math.floor(score * 10)) === i),
  ).reduce((sum, bin) => sum + Math.abs(total(bin) - bin.filter(({ fits }) => fits).length), 0);
  const brier = scored.reduce((sum, { score, fits }) => sum + (score - Number(fits)) ** 2, 0) / scored.length;
  console.log(
    `\nexpected calibration error (ten bins) ${(error / scored.length).toFixed(4)}, Brier score ${brier.toFixed(4)}\n`,
  );
}

function printThresholds(scored: readonly Scored[]): void {
  console.log("| threshold | right | fitting ones refused | others let through |\n|---|---|---|---|");
  const [fitting, others] = [scored.filter(({ fits }) => fits), scored.filter(({ fits }) => !fits)];
  for (const threshold of [0.05, 0.2, 0.5, 0.8, 0.95]) {
    const refused = fitting.filter(({ score }) => score < threshold).length;
    const passed = others.filter(({ score }) => score >= threshold).length;
    const right = percent(1 - (refused + passed) / scored.length);
    console.log(
      `| ${threshold} | ${right} | ${percent(refused / fitting.length)} | ${percent(passed / others.length)} |`,
    );
  }
}

function total(scored: readonly Scored[]): number {
  return scored.reduce((sum, { score }) => sum + score, 0);
}

function mean(scored: readonly Scored[]): string {
  return (total(scored) / scored.length).toFixed(3);
}

function share(scored: readonly Scored[]): string {
  return percent(scored.filter(({ fits }) => fits).length / scored.length);
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
