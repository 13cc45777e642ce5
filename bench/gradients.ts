/**
 * What recomputing blocks costs and saves: peak memory and time of a loss and its gradients (of the queries' and values' matrices of
 * all layers) through a random decoder, in one graph or in pieces. `npm run bench -- gradients [whole|pieces] [layers] [tokens] [rows]`
 * runs one way in one process, since peaks do not go down.
 */
import { float32, GraphSession, int64 } from "../src/core/backend/index.js";
import {
  encodeOnnx,
  type Graph,
  GraphBuilder,
  recordingCatalog,
  type Value,
  withWeightsAsInputs,
} from "../src/core/graph/index.js";
import * as nn from "../src/core/nn/index.js";
import { crossEntropyGradients, openInPieces, trainingForm } from "../src/core/train/index.js";

const [width, vocabulary, headDim, numAnswer] = [384, 4000, 64, 32];

type Tensors = Record<string, ReturnType<typeof float32>>;

function decoderOf(layers: number): Graph {
  const sizes = {
    ...{ vocab_size: vocabulary, hidden_size: width, intermediate_size: 1024, num_hidden_layers: layers },
    ...{ num_attention_heads: width / headDim, num_key_value_heads: 2, head_dim: headDim, rms_norm_eps: 1e-5 },
  };
  const builder = new GraphBuilder("decoder", recordingCatalog(() => ({ kind: "f32" }))); // biome-ignore format: one thought
  const bias = { attention: false, mlp: false };
  nn.buildDecoder(builder, sizes, { model: "model", head: "lm_head", qkNorm: false, bias });
  return trainingForm(builder.build());
}

function filled(shape: readonly number[], value: (i: number) => number) {
  const length = shape.reduce((a, b) => a * b, 1);
  return float32(
    Float32Array.from({ length }, (_, i) => value(i)),
    shape,
  );
}

function feedsOf(tokens: number, rows: number): Tensors {
  const all = tokens * rows;
  const ids = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));
  return {
    inputs_embeds: filled([rows, tokens, width], (i) => Math.sin(i)),
    cos: filled([all, headDim / 2], (i) => Math.cos(i % 97)),
    sin: filled([all, headDim / 2], (i) => Math.sin(i % 97)),
    position_ids: int64(ids(all, (i) => i), [rows, tokens]), // biome-ignore format: one thought
    logits_rows: int64(ids(numAnswer, (i) => i)),
    targets: int64(ids(numAnswer, (i) => (i * 37) % vocabulary)),
    weights: filled([numAnswer], () => 1 / numAnswer),
  };
}

export async function main([how = "pieces", layers = "16", tokens = "512", rows = "4"]: string[]): Promise<void> {
  const graph = decoderOf(Number(layers));
  const weights: Value[] = graph.initializers.filter(({ source }) => "tensors" in source).map(({ value }) => value);
  const held = Object.fromEntries(
    weights.map(({ name, shape }) => [name, filled(shape as number[], (i) => 0.03 * Math.sin(i))]),
  );
  const wrt = weights.map(({ name }) => name).filter((name) => /[qv]_proj/.test(name));
  const whole = crossEntropyGradients(graph, { wrt });
  const open = async (each: Graph) => {
    const own = withWeightsAsInputs(each);
    const model = encodeOnnx(own, (name) => ({ file: name, offset: 0 }));
    const session = await GraphSession.open(model, { device: "cpu", freesMemory: how === "pieces" });
    const given = (feeds: Readonly<Tensors>) =>
      Object.fromEntries(own.inputs.map(({ name }) => [name, feeds[name] ?? held[name]!]));
    return {
      run: (feeds: Readonly<Tensors>, outputs: Readonly<Record<string, null>>) => session.run(given(feeds), outputs),
      close: () => session.close(),
    };
  };
  const opened = how === "whole" ? await open(whole) : await openInPieces(graph, { input: "inputs_embeds", wrt }, open);
  const outputs = Object.fromEntries(whole.outputs.map(({ name }) => [name, null]));
  const before = process.resourceUsage().maxRSS;
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await opened.run(feedsOf(Number(tokens), Number(rows)), outputs);
    times.push((performance.now() - start) / 1000);
  }
  await opened.close();
  const megabytes = (kilobytes: number) => `${Math.round(kilobytes / 1000)} MB`;
  console.log(`${how}: ${layers} layers, ${rows} × ${tokens} tokens`);
  console.log(`seconds: ${times.map((time) => time.toFixed(1)).join(", ")}`);
  console.log(
    `peak memory: ${megabytes(process.resourceUsage().maxRSS)}, of it ${megabytes(before)} before the first run`,
  );
}
