/** llama.cpp through node-llama-cpp, loaded from bench/peers when that has been installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { defaultThreads } from "../../src/session/index.js";

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
    throw new Error("node-llama-cpp is not installed; run: npm ci --ignore-scripts --prefix bench/peers");
  const { getLlama } = (await import(pathToFileURL(entry).href)) as LlamaModule;
  const threads = defaultThreads();
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: threads,
    logLevel: "error",
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    ...{ sequences: numSequences, contextSize: contextLength, batchSize: contextLength, threads },
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
      const started = performance.now();
      await Promise.all(used.map((sequence) => generate(sequence, numSteps)));
      return (performance.now() - started) / numSteps;
    },
    close: () => context.dispose(),
  };
}

async function generate(sequence: LlamaSequence, count: number): Promise<void> {
  let done = 0;
  for await (const _ of sequence.evaluate(ids(1), { temperature: 0, yieldEogToken: true }))
    if (++done === count) return;
}
