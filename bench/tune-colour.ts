/**
 * The demo model learns a colour that it was never shown from 200 pictures, and keeps what it knew: exact answers to questions in
 * other words about pictures that it did not learn from, and to the exam, before and after.
 *   python training/make_tuning.py FOLDER && npm run bench -- tune-colour FOLDER [--limit 40]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledModel } from "../src/core/checkpoint/index.js";
import { loadModel } from "../src/core/runtime/index.js";
import { answerGreedily, askAll, chooseCases, evalTokens, messagesOf, readEvalFiles, wilsonInterval } from "../src/evals/index.js"; // biome-ignore format: one thought
import { tuneVision } from "../src/tune/index.js";

export async function main([folder, ...args]: string[]): Promise<void> {
  if (folder === undefined) throw new Error("expected a folder that training/make_tuning.py has made");
  const { values } = parseArgs({ args, options: { limit: { type: "string", default: "100" } } });
  const limit = Number(values.limit); // of each kind, scene and language of the exam
  const sets = { "new questions": [join(folder, "exam.jsonl")], exam: ["eval"] };
  const output = join(folder, "tuned");
  if (!existsSync(output)) await tune(folder, output);
  const before = await examined(bundledModel, sets, limit);
  const after = await examined(output, sets, limit);
  console.log("| questions | number | before | after |\n|---|---|---|---|");
  for (const [group, [numBefore, total]] of before) {
    const [numAfter] = after.get(group)!;
    const share = (n: number) => {
      const { low, high } = wilsonInterval(n, total);
      return `${((100 * n) / total).toFixed(1)} % (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`;
    };
    console.log(`| ${group} | ${total} | ${share(numBefore)} | ${share(numAfter)} |`);
  }
}

async function tune(folder: string, output: string): Promise<void> {
  const result = await tuneVision(bundledModel, {
    data: [join(folder, "learn.jsonl")],
    rehearse: ["rehearse.jsonl", "near.jsonl"].map((name) => join(folder, name)),
    output,
    ...{ connector: true, lora: { rank: 8, alpha: 16, targets: ["all-linear"] } },
    ...{ epochs: 2, batchSize: 16, learningRate: 3e-4, rehearsalRatio: 4, evaluateEvery: 84 },
    onProgress: ({ step, numSteps, loss, evaluations, secondsLeft }) => {
      if (step % 20 > 0 && loss !== undefined) return;
      const lines = [
        `${step}/${numSteps}`,
        `loss ${loss?.toFixed(3)}`,
        `held out ${evaluations.at(-1)?.loss.toFixed(4)}, rehearsed ${evaluations.at(-1)?.rehearsed?.toFixed(4)}`,
      ];
      console.log(`${lines.join(" ")} ${secondsLeft?.toFixed(0)} s left`);
    },
  });
  const { user, system } = process.cpuUsage();
  const { heldOut: _, rehearsedHeldOut: __, ...facts } = result;
  console.log(JSON.stringify({ ...facts, cpuMinutes: (user + system) / 60e6 }));
}

/** Right answers and questions, by set, and by kind within it. */
async function examined(path: string, sets: Readonly<Record<string, string[]>>, limit: number) {
  const model = await loadModel(path, { weights: "fp32" });
  const counts = new Map<string, [right: number, total: number]>();
  for (const [set, files] of Object.entries(sets)) {
    const all = await readEvalFiles(files);
    const cases = set === "exam" ? chooseCases(all, undefined, limit) : all;
    const ask = (found: (typeof cases)[number]) => answerGreedily(model, messagesOf(found), { maxTokens: evalTokens });
    for (const { correct, case: found } of await askAll(cases, ask, { parallel: 8 }))
      for (const group of [set, `${set}, ${found.kind}`]) {
        const [right, total] = counts.get(group) ?? [0, 0];
        counts.set(group, [right + Number(correct), total + 1]);
      }
  }
  await model.close();
  return counts;
}
