/**
 * Does the error that `pack --weights auto` measures tell which matrices four bits hurt? Of the model in the box, each
 * matrix alone is stored in int4 and the rest in float32; what that does to the next token's distribution (KL) is compared
 * with what can be measured without it: by Spearman's rank correlation, and by how far the sum over matrices is from the
 * KL of all of them together.
 *
 *   npm run bench -- sensitivity [--cases 40]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { userMessage } from "../src/cli/commands/ask/answer.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { type MatrixGroup, matrixGroups, pack, parsePlan, readModel } from "../src/core/pack/index.js";
import { loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import type { WeightFormat } from "../src/core/tensor/index.js";
import { chooseCases, readEvalFiles } from "../src/evals/eval-set.js";
import { formatErrors } from "../src/inspect/format-errors.js";
import { divergence, measureSensitivity } from "../src/inspect/index.js";

const box = join(import.meta.dirname, "../checkpoints/ocellus-tiny");
const int4: WeightFormat = { kind: "int4", blockSize: 32 };
type Conversation = ReturnType<typeof userMessage>[];

interface Scored {
  readonly conversation: Conversation;
  readonly ids: readonly number[];
  readonly logits: readonly Float32Array[];
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { cases: { type: "string", default: "2" } } });
  const cases = chooseCases(await readEvalFiles([]), undefined, Number(values.cases));
  const conversations = cases.map((c) => [userMessage([c.image], c.question)]);
  const work = mkdtempSync(join(tmpdir(), "ocellus-sensitivity-"));
  try {
    await compare(conversations, work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function compare(conversations: readonly Conversation[], work: string): Promise<void> {
  const checkpoint = await openCheckpoint(box);
  const groups = matrixGroups(await readModel(checkpoint));
  await checkpoint.close();
  const reference = await referenceOf(conversations);
  const sensitivities = await measureSensitivity(box, conversations);
  const energies = new Map(sensitivities.map(({ tensor, energies }) => [tensor, energies]));
  const twins = new Map(sensitivities.map(({ tensor, kl }) => [tensor, kl]));
  const plain = await formatErrors(
    box,
    groups.map((group) => ({ group, formats: [int4] })),
    {},
  );
  const weighted = await formatErrors(
    box,
    groups.map((group) => ({ group, formats: [int4], energies: energies.get(group.tensors[0]!)! })),
    {},
  );
  const errorOf = (errors: typeof plain, { tensors }: MatrixGroup) => {
    const of = errors.filter(({ name }) => tensors.includes(name)).map(({ errors: [e] }) => e!.relative ** 2);
    return of.reduce((a, b) => a + b, 0) / of.length;
  };
  const rows: { name: string; kl: number; twin: number; plain: number; weighted: number }[] = [];
  for (const group of groups) {
    const kl = await divergenceWith([group], reference, work);
    const row = {
      name: group.tensors[0]!,
      kl,
      twin: twins.get(group.tensors[0]!)!,
      plain: errorOf(plain, group),
      weighted: errorOf(weighted, group),
    };
    rows.push(row);
    console.log(
      `${row.name.padEnd(60)} KL ${kl.toExponential(2)}  weights ${row.plain.toExponential(2)}  outputs ${row.weighted.toExponential(2)}`,
    );
  }
  const kls = rows.map((row) => row.kl);
  const report = (name: string, key: "twin" | "plain" | "weighted") =>
    console.log(
      `${name}: rank correlation ${spearman(
        kls,
        rows.map((row) => row[key]),
      ).toFixed(2)}`,
    );
  report("KL of the twin in int8", "twin");
  report("error of the weights", "plain");
  report("error of the outputs", "weighted");
  const all = await divergenceWith(groups, reference, work);
  console.log(
    `sum over matrices ${kls.reduce((a, b) => a + b, 0).toExponential(2)}, all together ${all.toExponential(2)}`,
  );
}

/** What float32 answers, and its logits at each token. */
async function referenceOf(conversations: readonly Conversation[]): Promise<Scored[]> {
  const model = await loadModel(box, { weights: "fp32", device: "cpu", maxSequences: 1 });
  const scored: Scored[] = [];
  for (const conversation of conversations) {
    const { tokens } = await model.answer(conversation, { maxTokens: 32, sampling: { temperature: 0 } });
    const ids = tokens.map(({ tokenId }) => tokenId);
    scored.push({ conversation, ids, logits: await scores(model, conversation, ids) });
  }
  await model.close();
  return scored;
}

async function scores(model: VisionLanguageModel, conversation: Conversation, ids: readonly number[]) {
  const logits: Float32Array[] = [];
  for await (const step of model.score(await model.prepare(conversation), ids)) logits.push(step.slice());
  return logits;
}

/** Mean KL over all tokens when these matrices alone are in int4. */
async function divergenceWith(groups: readonly MatrixGroup[], reference: readonly Scored[], work: string) {
  const formats = new Map(groups.map(({ tensors }) => [tensors[0]!, tableFormat(tensors[0]!)]));
  const { path } = await pack(box, {
    plan: { ...parsePlan("fp32"), formats },
    into: join(work, "packed"),
    force: true,
  });
  const model = await loadModel(path, { device: "cpu", maxSequences: 1 });
  let [sum, count] = [0, 0];
  for (const { conversation, ids, logits } of reference)
    for (const [i, found] of (await scores(model, conversation, ids)).entries()) {
      sum += divergence(logits[i]!, found).kl;
      count++;
    }
  await model.close();
  return sum / count;
}

/** The tied table has no form in four bits. */
const tableFormat = (name: string): WeightFormat =>
  name.includes("embed_tokens") ? { kind: "int8", blockSize: 32 } : int4;

function spearman(a: readonly number[], b: readonly number[]): number {
  const [ra, rb] = [ranks(a), ranks(b)];
  const squares = ra.reduce((sum, rank, i) => sum + (rank - rb[i]!) ** 2, 0);
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1));
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Array<number>(values.length);
  for (const [rank, i] of order.entries()) result[i] = rank;
  return result;
}
