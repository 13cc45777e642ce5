/**
 * LoRA on a text model against PyTorch and PEFT: the same first values, the same questions in the same order, the same learning rates;
 * the held-out losses of both beside each other, and what PEFT makes of our finished adapter.
 *   python training/make_docstrings.py FOLDER/data.jsonl && npm run bench -- tune-lora MODEL FOLDER
 *   python training/tuning_reference.py FOLDER && npm run bench -- tune-lora MODEL FOLDER --compare
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TuneVisionOptions, tuneVision } from "../src/tune/index.js";
import { withRun } from "../src/tune/vision/run.js";
import { batches, learningRateAt } from "../src/tune/vision/schedule.js";
import { writeAdapter } from "../src/tune/vision/write-output.js";

export async function main([model, folder, ...more]: string[]): Promise<void> {
  if (model === undefined || folder === undefined) throw new Error("expected a model and a folder with data.jsonl");
  if (more.includes("--compare")) return compare(folder);
  const options: TuneVisionOptions = {
    data: [join(folder, "data.jsonl")],
    output: join(folder, "adapter"),
    form: "adapter",
    lora: { rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] },
    ...{
      epochs: 1,
      batchSize: 4,
      learningRate: 1e-3,
      evaluateEvery: 18,
      heldOut: 0.1,
      weightDecay: 0.01,
      patience: 99,
    },
    onProgress: ({ step, numSteps, loss, evaluations, secondsLeft }) =>
      console.log(`${step}/${numSteps} loss ${loss?.toFixed(4)} held out ${evaluations.at(-1)?.loss.toFixed(4)} ${secondsLeft?.toFixed(0)} s left`), // biome-ignore format: one thought
  };
  for (const name of ["adapter", "first"]) if (existsSync(join(folder, name))) rmSync(join(folder, name), { recursive: true }); // biome-ignore format: one thought
  await handOver(model, folder, options);
  const result = await tuneVision(model, options);
  writeFileSync(join(folder, "ours.json"), `${JSON.stringify(result, undefined, 1)}\n`);
}

/** What the reference reads. */
async function handOver(model: string, folder: string, options: TuneVisionOptions): Promise<void> {
  await withRun(model, options, async ({ parts, plan, opened, recipe }) => {
    const { graphs, base, source } = opened;
    const { rows, heldOut, trained } = parts;
    const values = new Map(trained.map((each) => [each.parameter.name, each.values]));
    const weights = graphs.loraTargets.map(({ weight }) => weight);
    const lora = { ...recipe.lora!, weights };
    await writeAdapter(join(folder, "first"), {
      base,
      baseName: model,
      model: source,
      parameters: [],
      values,
      lora,
      record: {},
    });
    const { batchSize, epochs, seed, learningRate, warmup, weightDecay, clip, evaluateEvery } = recipe;
    const of = batches({ numExamples: rows.length, batchSize, epochs, seed });
    const rates = { learningRate, warmupSteps: Math.round(warmup * plan.numSteps), numSteps: plan.numSteps };
    const steps = Array.from({ length: plan.numSteps }, (_, step) => step);
    const run = {
      ...{ model: resolve(model), batchSize, weightDecay, clip },
      batches: steps.map((step) => of(step)),
      learningRates: steps.map((step) => learningRateAt(step, rates)),
      evaluateAt: steps.map((step) => step + 1).filter((n) => n % evaluateEvery === 0 || n === plan.numSteps),
      heldOut: heldOut.map((_, i) => rows.length + i),
    };
    writeFileSync(join(folder, "run.json"), `${JSON.stringify(run)}\n`);
    const lines = [...rows, ...heldOut].map(({ ids, answerStart: start }) => `${JSON.stringify({ ids, start })}\n`);
    writeFileSync(join(folder, "rows.jsonl"), lines.join(""));
  });
}

interface Losses {
  readonly losses: readonly { readonly step: number; readonly loss: number }[];
  readonly adapter_loss?: number;
  readonly seconds: number;
}

function compare(folder: string): void {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const ours = read("ours.json") as { evaluations: Losses["losses"]; bestStep: number; seconds: number };
  const theirs = read("reference.json") as Losses;
  console.log("| updates | ours | PyTorch | apart |\n|---|---|---|---|");
  for (const [i, { step, loss }] of ours.evaluations.entries()) {
    const reference = theirs.losses[i]!.loss;
    console.log(`| ${step} | ${loss.toFixed(4)} | ${reference.toFixed(4)} | ${(100 * Math.abs(loss / reference - 1)).toFixed(3)} % |`); // biome-ignore format: one thought
  }
  const best = ours.evaluations.find(({ step }) => step === ours.bestStep)!;
  console.log(`our adapter, opened by PEFT: ${theirs.adapter_loss?.toFixed(5)}, by us ${best.loss.toFixed(5)}; seconds: ${ours.seconds.toFixed(0)}, PyTorch ${theirs.seconds.toFixed(0)}`); // biome-ignore format: one thought
}
