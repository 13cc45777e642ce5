/**
 * Ocellus beside others on one machine, random weights. llama.cpp: layers of the Qwen3-8B shape, int4 (block 32 and 128) against
 * Q4_0, a vocabulary of 2,048 on both sides so that layers are what is timed; rounds alternate; medians, per layer. Hugging Face
 * transformers: support/transformers.ts.
 *
 *   npm run bench -- peers [--only llama|transformers] [--layers 4] [--rounds 5] [--work FOLDER] [--python PATH]
 *
 * Neither is among the project's own dependencies. llama.cpp comes through node-llama-cpp:
 *   npm install --ignore-scripts --no-package-lock --prefix bench/peers
 * transformers with a Python that has them (or OCELLUS_BENCH_PYTHON); without one that part is skipped.
 */
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pack, parsePlan } from "../src/core/pack/index.js";
import { openDecoder, randomRequest, time } from "./support/decoder.js";
import { writeRandomGguf } from "./support/gguf.js";
import { openLlama, type Peer } from "./support/llama.js";
import { writeRandomCheckpoint } from "./support/random-checkpoint.js";
import { answerImages, besideTransformers, middle } from "./support/transformers.js";

const contextLength = 2048;
const numSteps = 16;

/** A prompt of eight tokens costs llama.cpp what the arithmetic of eight sequences does, without the sampling between steps. */
const measures = [
  { name: "prefill 8", run: (peer: Peer) => peer.prefill(8) },
  { name: "prefill 64", goal: 1.1, run: (peer: Peer) => peer.prefill(64) },
  { name: "prefill 256", goal: 1.1, run: (peer: Peer) => peer.prefill(256) },
  { name: "prefill 1024", goal: 1.1, run: (peer: Peer) => peer.prefill(1024) },
  { name: "decode 1", goal: 1, run: (peer: Peer) => peer.decode(1) },
  { name: "decode 8", goal: 1.3, run: (peer: Peer) => peer.decode(8) },
];

function shapes(numLayers: number) {
  return {
    model_type: "qwen3",
    ...{ vocab_size: 2048, hidden_size: 4096, intermediate_size: 12_288, num_hidden_layers: numLayers },
    ...{ num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128, rms_norm_eps: 1e-6 },
    ...{
      max_position_embeddings: contextLength,
      hidden_act: "silu" as const,
      attention_bias: false,
      tie_word_embeddings: false,
      eos_token_id: 2047,
    },
  };
}

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      only: { type: "string" },
      layers: { type: "string", default: "4" },
      rounds: { type: "string", default: "5" },
      work: { type: "string", default: join(tmpdir(), "ocellus-bench-peers") },
      python: { type: "string" },
    },
  });
  const [step, packed, ...images] = positionals;
  if (step === "answer") return console.log(JSON.stringify(await answerImages(packed!, images)));

  const { only, work } = values;
  const rounds = Number(values.rounds);
  const python = values.python ?? process.env.OCELLUS_BENCH_PYTHON;
  mkdirSync(work, { recursive: true });
  if (only !== "transformers") await besideLlama(work, Number(values.layers), rounds);
  if (only !== "llama") await besideTransformers({ work, rounds, python });
}

async function besideLlama(work: string, numLayers: number, rounds: number): Promise<void> {
  const gguf = join(work, `qwen3-${numLayers}-layers.gguf`);
  if (!existsSync(gguf)) writeRandomGguf(gguf, shapes(numLayers));
  const llama = await openLlama(gguf, { contextLength, numSteps });
  const peers = [llama, await openOurs(work, numLayers, 32), await openOurs(work, numLayers, 128)];
  const times = peers.map(() => measures.map((): number[] => []));
  for (let round = -1; round < rounds; round++) {
    for (const [m, measure] of measures.entries()) {
      for (const [p, peer] of peers.entries()) {
        const ms = (await measure.run(peer)) / numLayers;
        if (round >= 0) times[p]![m]!.push(ms); // the round before the first warms up
      }
    }
  }
  print(peers, times);
  for (const peer of peers) await peer.close();
}

function print(peers: readonly Peer[], times: readonly (readonly number[][])[]): void {
  console.log(
    `ms a layer; × llama.cpp's speed\n${"".padEnd(14)}${peers.map(({ name }) => name.padStart(22)).join("")}   goal`,
  );
  for (const [m, { name, goal }] of measures.entries()) {
    const middles = times.map((peer) => middle(peer[m]!));
    const cells = middles.map((ms, p) => `${ms.toFixed(2)}${p === 0 ? "" : ` (${(middles[0]! / ms).toFixed(2)}×)`}`);
    console.log(
      `${name.padEnd(14)}${cells.map((cell) => cell.padStart(22)).join("")}${(goal ? `${goal}×` : "").padStart(7)}`,
    );
  }
}

async function openOurs(work: string, numLayers: number, blockSize: 32 | 128): Promise<Peer> {
  const checkpoint = join(work, `qwen3-${numLayers}-layers`);
  if (!existsSync(checkpoint)) await writeRandomCheckpoint(checkpoint, shapes(numLayers));
  const { path } = await pack(checkpoint, { plan: parsePlan("int4", { blockSize }) });
  const { engine, packed, close } = await openDecoder(path, { maxLength: contextLength });
  const { hiddenSize } = packed.family.dimensions(packed.config);
  const request = (numTokens: number, answer: number) => time(engine, randomRequest(hiddenSize, 0, numTokens, answer));
  return {
    name: `int4 block ${blockSize}`,
    prefill: async (numTokens) => (await request(numTokens, 1)).firstTokenMs,
    async decode(parallel) {
      const runs = await Promise.all(Array.from({ length: parallel }, () => request(64, numSteps + 1)));
      const last = (key: "totalMs" | "firstTokenMs") => Math.max(...runs.map((run) => run[key]));
      return (last("totalMs") - last("firstTokenMs")) / numSteps;
    },
    close,
  };
}
