/**
 * The process of one format for `quant-report --tasks`: loads a packed model, asks, tells what came of it, ends. It is a
 * process of its own because the peak of its memory is to be that of this one format. Started by task-run.ts.
 */
import { loadModel, type VisionLanguageModel } from "../../../core/runtime/index.js";
import { serve } from "../../../core/worker/index.js";
import {
  answerGreedily,
  askAll,
  chooseCases,
  type EvalCase,
  evalTokens,
  messagesOf,
  readEvalFiles,
} from "../../../evals/index.js";

export interface TaskJob {
  readonly packedPath: string;
  /** As `readEvalFiles` and `chooseCases` take them. */
  readonly files: readonly string[];
  readonly kinds?: readonly string[];
  readonly limit?: number;
  readonly parallel: number;
}

export interface TaskResult {
  /** In the order of the chosen questions. */
  readonly correct: readonly boolean[];
  /** Decoding one sequence. */
  readonly tokensPerSecond: number;
  /** The most memory that the process had resident. */
  readonly peakBytes: number;
}

export interface TaskProgress {
  readonly done: number;
  readonly total: number;
}

/** Answers that decoding is timed on, one at a time: the longest that the files expect. */
const numTimed = 32;

/** Enough for the questions in work; more would hide what the format takes. */
const remembered = { encoderCacheBytes: 16 * 2 ** 20, prefixCacheBytes: 0 };

async function runTasks(job: TaskJob, tell: (progress: TaskProgress) => void): Promise<TaskResult> {
  const { packedPath, files, kinds, limit, parallel } = job;
  const all = await readEvalFiles(files);
  const model = await loadModel(packedPath, { device: "cpu", maxSequences: parallel, memory: remembered });
  try {
    const cases = chooseCases(all, kinds, limit);
    const onAnswer = (_: unknown, done: number) => tell({ done, total: cases.length });
    const answers = await askAll(cases, (found) => askOne(model, found), { parallel, onAnswer });
    return {
      correct: answers.map(({ correct }) => correct),
      tokensPerSecond: await decodeRate(model, all),
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await model.close();
  }
}

function askOne(model: VisionLanguageModel, found: EvalCase) {
  return answerGreedily(model, messagesOf(found), { maxTokens: evalTokens });
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

const methodsOf = (_: unknown, tell: (progress: TaskProgress) => void) => ({
  run: (job: TaskJob) => runTasks(job, tell),
});
export type TaskMethods = ReturnType<typeof methodsOf>;

serve(methodsOf);
