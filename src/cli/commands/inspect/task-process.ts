/**
 * The process of one format for `quant-report --tasks`: loads a packed model, asks, tells what came of it, ends. It is a
 * process of its own because the peak of its memory is to be that of this one format. Started by task-run.ts.
 */
import { invariant, OcellusError } from "../../../core/base/index.js";
import { loadModel, type VisionLanguageModel } from "../../../core/runtime/index.js";
import { chooseCases, type EvalCase, readEvalFiles } from "../../../evals/index.js";
import { askAll, askOne } from "../evals/eval-ask.js";
import type { TaskJob, TaskMessage, TaskResult } from "./task-run.js";

/** Answers that decoding is timed on, one at a time: the longest that the files expect. */
const numTimed = 32;

/** Enough for the questions in work; more would hide what the format takes. */
const remembered = { encoderCacheBytes: 16 * 2 ** 20, prefixCacheBytes: 0 };

async function runTasks({ packedPath, files, kinds, limit, parallel }: TaskJob): Promise<TaskResult> {
  const all = await readEvalFiles(files);
  const model = await loadModel(packedPath, { device: "cpu", maxSequences: parallel, memory: remembered });
  try {
    const onProgress = (done: number, total: number) => tell({ done, total });
    const answers = await askAll(model, chooseCases(all, kinds, limit), { parallel, onProgress });
    return {
      correct: answers.map(({ correct }) => correct),
      tokensPerSecond: await decodeRate(model, all),
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await model.close();
  }
}

/** Tokens a second after the first of each answer. */
async function decodeRate(model: VisionLanguageModel, cases: readonly EvalCase[]): Promise<number> {
  const lengthOf = ({ answer = "" }: EvalCase) => answer.length;
  const longest = [...cases].sort((a, b) => lengthOf(b) - lengthOf(a)).slice(0, numTimed);
  let [numTokens, seconds] = [0, 0];
  for (const found of longest) {
    const { usage, timings } = await askOne(model, found);
    if (timings.tokensPerSecond === 0) continue; // an answer of one token
    numTokens += usage.completionTokens - 1;
    seconds += (usage.completionTokens - 1) / timings.tokensPerSecond;
  }
  return seconds === 0 ? 0 : numTokens / seconds;
}

function tell(message: TaskMessage, then = () => {}): void {
  invariant(process.send, "this file is started by task-run.ts");
  process.send(message, then);
}

function failureOf(error: unknown): TaskMessage {
  if (error instanceof OcellusError) return { failure: { code: error.code, message: error.message } };
  return { failure: { code: "internal", message: `internal: ${error instanceof Error ? error.message : error}` } };
}

process.on("disconnect", () => process.exit(1)); // nobody listens any more
process.once("message", async (job: TaskJob) => {
  const last = await runTasks(job).then((result) => ({ result }), failureOf);
  tell(last, () => process.removeAllListeners("disconnect").disconnect());
});
