/**
 * Does `pack --weights auto` beat uniform int4 of the same bytes? KL of the next token from float32, and how often the
 * likeliest token is the same, on questions that auto did not see, of the bundled demo model.
 *
 *   npm run bench -- auto-vs-uniform [--cases 4]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { userMessage } from "../src/cli/commands/ask/answer.js";
import { calibrationConversations } from "../src/cli/commands/models/calibration.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { type PackingPlan, pack, parsePlan, plannedBytes, readModel } from "../src/core/pack/index.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { chooseCases, readEvalFiles } from "../src/evals/eval-set.js";
import { divergence, planByBudget } from "../src/inspect/index.js";

const box = join(import.meta.dirname, "../checkpoints/ocellus-tiny");
type Conversation = ReturnType<typeof userMessage>[];
type Reference = { conversation: Conversation; ids: number[]; logits: Float32Array[] };

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { cases: { type: "string", default: "4" } } });
  const cases = chooseCases(await readEvalFiles([]), undefined, Number(values.cases));
  const references = await referencesOf(cases.map((c) => [userMessage([c.image], c.question)]));
  const conversations = await calibrationConversations(undefined, true);
  const checkpoint = await openCheckpoint(box);
  const model = await readModel(checkpoint).finally(() => checkpoint.close());
  for (const visionWeights of ["int8", "same"] as const) {
    for (const blockSize of [32, 128]) {
      const uniform = parsePlan("int4", { visionWeights, blockSize });
      const budgetBytes = plannedBytes(model, uniform);
      const { plan, bytes } = await planByBudget(box, { budgetBytes, conversations, visionWeights });
      console.log(
        `vision ${visionWeights}, int4 b${blockSize}: ${budgetBytes} bytes, ${await compared(uniform, references)}`,
      );
      console.log(`vision ${visionWeights}, auto:      ${bytes} bytes, ${await compared(plan, references)}`);
    }
  }
}

async function referencesOf(conversations: readonly Conversation[]): Promise<Reference[]> {
  const model = await loadModel(box, { weights: "fp32", device: "cpu", maxSequences: 1 });
  const references: Reference[] = [];
  for (const conversation of conversations) {
    const { tokens } = await model.answer(conversation, { maxTokens: 32, sampling: { temperature: 0 } });
    const ids = tokens.map(({ tokenId }) => tokenId);
    references.push({ conversation, ids, logits: await scores(model, conversation, ids) });
  }
  await model.close();
  return references;
}

async function scores(model: VisionLanguageModel, conversation: Conversation, ids: readonly number[]) {
  const logits: Float32Array[] = [];
  for await (const step of model.score(await model.prepare(conversation), ids)) logits.push(step.slice());
  return logits;
}

async function compared(plan: PackingPlan, references: readonly Reference[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "ocellus-auto-"));
  try {
    const { path } = await pack(box, { plan, into: join(folder, "packed") });
    const model = await loadModel(path, { device: "cpu", maxSequences: 1 });
    const found = [];
    for (const { conversation, ids, logits } of references)
      for (const [i, step] of (await scores(model, conversation, ids)).entries())
        found.push(divergence(logits[i]!, step));
    await model.close();
    const kl = found.reduce((sum, one) => sum + one.kl, 0) / found.length;
    const same = found.filter(({ sameTop }) => sameTop).length / found.length;
    return `KL ${kl.toExponential(2)}, same top ${(same * 100).toFixed(2)} % of ${found.length} tokens`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
