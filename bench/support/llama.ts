/** llama.cpp through node-llama-cpp, loaded from bench/peers when that has been installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defaultThreads } from "../../src/core/backend/index.js";

/** One side of the comparison; times in milliseconds. */
export interface Peer {
  readonly name: string;
  prefill(numTokens: number): Promise<number>;
  /** One step of `parallel` sequences, each 64 tokens old. */
  decode(parallel: number): Promise<number>;
  close(): Promise<void>;
}

/** What of node-llama-cpp is used; the package itself is absent from the project's own install. */
interface LlamaSequence {
  clearHistory(): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
}

interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): LlamaSequence; dispose(): Promise<void> }>;
    }>;
  }>;
}

const numSequences = 8;
const ids = (count: number) => Array.from({ length: count }, (_, i) => 10 + i);

export async function openLlama(
  modelPath: string,
  { contextLength, numSteps }: { contextLength: number; numSteps: number },
): Promise<Peer> {
  const entry = join(import.meta.dirname, "../peers/node_modules/node-llama-cpp/dist/index.js");
  if (!existsSync(entry))
    throw new Error(
      "node-llama-cpp is not installed; run: npm install --ignore-scripts --no-package-lock --prefix bench/peers",
    );
  const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaModule;
  const threads = defaultThreads();
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: 0, // no ledger of threads between steps: the context's own number counts
    logLevel: "error",
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    ...{ sequences: numSequences, contextSize: contextLength, batchSize: contextLength, threads },
    flashAttention: true, // faster here from 8 tokens on, by a tenth; the cache is fp16, as by default
  });
  const sequences = Array.from({ length: numSequences }, () => context.getSequence());
  const prefill = async (sequence: LlamaSequence, numTokens: number) => {
    await sequence.clearHistory();
    const started = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(ids(numTokens));
    return performance.now() - started;
  };
  return {
    name: "llama.cpp Q4_0",
    prefill: (numTokens) => prefill(sequences[0]!, numTokens),
    async decode(parallel) {
      const used = sequences.slice(0, parallel);
      for (const sequence of used) await prefill(sequence, 64);
      return (await inStep(used, numSteps)) / numSteps;
    },
    close: () => context.dispose(),
  };
}

/**
 * Milliseconds for `count` tokens of every sequence. Several ask for each token together: left to run freely, the one that was sampled
 * last misses the next batch, and steps of eight become steps of seven and one. One alone is faster without that wait.
 */
async function inStep(sequences: readonly LlamaSequence[], count: number): Promise<number> {
  const options = { temperature: 0, yieldEogToken: true };
  const answers = sequences.map((sequence) => sequence.evaluate(ids(1), options)[Symbol.asyncIterator]());
  const started = performance.now();
  for (let step = 0; step < count; step++) {
    const tokens = answers.map((answer) => answer.next());
    await (tokens.length === 1 ? tokens[0] : Promise.all(tokens));
  }
  const ms = performance.now() - started;
  await Promise.all(answers.map((answer) => answer.return?.()));
  return ms;
}
