/** A small decoder as training sees it: its form, its pieces, its loss and low-rank updates, each against the same computed whole. */
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { type Graph, GraphBuilder, recordingCatalog } from "../graph/index.js";
import * as nn from "../nn/index.js";
import {
  crossEntropyGradients,
  gradientOf,
  loraNames,
  openInPieces,
  trainingForm,
  trainingPieces,
  withCrossEntropy,
  withLora,
} from "./index.js";
import { built, drawn, drawnTensor, float32, int64, numbers, opened, runOnce, type Sizes } from "./run.testkit.js";

const decoderSizes = {
  ...{ vocab_size: 11, hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, head_dim: 4, rms_norm_eps: 1e-5 },
};
const variant = {
  model: "model",
  head: "lm_head",
  qkNorm: true,
  bias: { attention: false, mlp: false },
  numDeepstack: 1,
};

const decoder = trainingForm(built((builder) => nn.buildDecoder(builder, decoderSizes, variant)));
const asInputs = (graph: Graph): Graph => {
  const weights = graph.initializers.filter(({ source }) => "tensors" in source);
  const others = graph.initializers.filter(({ source }) => !("tensors" in source));
  return { ...graph, inputs: [...graph.inputs, ...weights.map(({ value }) => value)], initializers: others };
};
const weightsOf = ({ initializers }: Graph) =>
  initializers.flatMap(({ value, source }) => ("tensors" in source ? [value] : []));

const next = numbers(7);
const sizes: Sizes = { batch: 2, sequence: 3, tokens: 6, num_logits: 4 };
const feeds: Record<string, ReturnType<typeof float32>> = {
  ...Object.fromEntries(weightsOf(decoder).map((value) => [value.name, drawnTensor(value, {}, next)])),
  ...Object.fromEntries(
    decoder.inputs.filter(({ dtype }) => dtype === "f32").map((value) => [value.name, drawnTensor(value, sizes, next)]),
  ),
  position_ids: int64([0, 1, 2, 3, 4, 5], [2, 3]),
  logits_rows: int64([0, 1, 3, 4]),
  targets: int64([5, 10, 0, 5]),
  weights: float32(Float32Array.of(0.5, 0, 0.3, 0.2), [4]),
};

describe("the training form of a decoder", () => {
  it("has no cache, and each matrix under its name in the checkpoint", () => {
    expect(decoder.inputs.map(({ name }) => name).sort()).toEqual(
      ["cos", "deepstack.0", "inputs_embeds", "logits_rows", "position_ids", "sin"].sort(),
    );
    expect(decoder.outputs.map(({ name }) => name)).toEqual(["logits"]);
    for (const { value, source } of decoder.initializers)
      if ("tensors" in source) expect(source.tensors).toEqual([value.name]);
    expect(weightsOf(decoder).find(({ name }) => name.endsWith("0.self_attn.k_proj.weight"))?.shape).toEqual([8, 8]);
  });

  it("refuses weights that are not float32", () => {
    const catalog = recordingCatalog(() => ({ kind: "f16" }));
    const builder = new GraphBuilder("decoder", catalog);
    nn.buildDecoder(builder, decoderSizes, variant);
    expect(() => trainingForm(builder.build())).toThrow(ocellusError("unsupported", { format: "f16" }));
  });

  it.each([
    ["a window", { local_window_size: 4 }, []],
    ["angles of its own", {}, ["cos"]],
  ])("refuses attention over a cache with %s, which it would leave out", (_, more, inputs) => {
    const graph = built((builder) => nn.buildDecoder(builder, decoderSizes, variant));
    const cos = graph.inputs.find(({ name }) => name === "cos")!;
    const nodes = graph.nodes.map((node) =>
      node.op === "GroupQueryAttention"
        ? { ...node, attributes: { ...node.attributes, ...more }, inputs: [...node.inputs, ...inputs.map(() => cos)] }
        : node,
    );
    expect(() => trainingForm({ ...graph, nodes })).toThrow(ocellusError("unsupported", { op: "GroupQueryAttention" }));
  });
});

const wrt = ["inputs_embeds", "deepstack.0", ...weightsOf(decoder).map(({ name }) => name)];
const whole = () => runOnce(asInputs(crossEntropyGradients(decoder, { wrt })), feeds);
const floats = ({ data }: { readonly data: ArrayBufferView }) => [...(data as Float32Array)];
const expectAlike = (found: readonly number[], reference: readonly number[], what: string) => {
  expect(found, what).toHaveLength(reference.length);
  const largest = Math.max(...reference.map(Math.abs));
  for (const [i, x] of found.entries()) expect(Math.abs(x - reference[i]!) / largest, what).toBeLessThan(1e-5);
};

describe("pieces", () => {
  it("are one for each layer, and what is behind them", () => {
    const pieces = trainingPieces(decoder, "inputs_embeds");
    expect(pieces.map(({ name }) => name)).toEqual(["model.layers.0", "model.layers.1", "model.Reshape"]);
    expect(pieces.map(({ from, to }) => [from, to])).toEqual([
      ["inputs_embeds", "model.layers.0.Add_2"],
      ["model.layers.0.Add_2", "model.layers.1.Add_1"],
      ["model.layers.1.Add_1", undefined],
    ]);
    expect(pieces.flatMap(({ weights }) => weights).sort()).toEqual(
      weightsOf(decoder)
        .map(({ name }) => name)
        .sort(),
    );
  });

  it("give a tower's other outputs where they are made, and its connector behind the last block", () => {
    const tower = built((builder) => {
      const scope = builder.root.at("tower");
      const attention = { at: "attn", qkv: ["qkv"], out: "proj", numHeads: 2, bias: false } as const;
      const half = { up: "up", down: "down", activation: "gelu", width: 8, bias: false } as const;
      const block: nn.EncoderBlock = { norms: ["norm1", "norm2"], epsilon: 1e-5, attention, mlp: half };
      let x = scope.op("Exp", [builder.input("pixel_values", "f32", [1, "2*pairs", 8])]);
      for (let n = 0; n < 3; n++) {
        x = nn.encoderBlock(scope.at("blocks").at(n), x, block);
        if (n === 0) builder.output("tap", scope.at("taps").at(0).op("Exp", [x]));
      }
      const merger = { numMerged: 2, norm: "after", epsilon: 1e-5, outFeatures: 4 } as const;
      builder.output("visual_tokens", nn.patchMerger(scope.at("merger"), x, merger));
    });
    const pieces = trainingPieces(trainingForm(tower), "pixel_values");
    expect(pieces.map(({ name, graph }) => [name, graph.outputs.map((output) => output.name)])).toEqual([
      ["tower.Exp", ["tower.Exp"]],
      ["tower.blocks.0", ["tower.blocks.0.Add_1"]],
      ["tower.blocks.1", ["tower.blocks.1.Add_1", "tap"]],
      ["tower.blocks.2", ["tower.blocks.2.Add_1"]],
      ["tower.merger.Reshape", ["visual_tokens"]],
    ]);
  });

  const openWhole = async (graph: Graph) => {
    const { run, close } = await opened(asInputs(graph));
    return { run: (given: typeof feeds) => run({ ...feeds, ...given }), close };
  };

  it("give, one after another, the gradients of the whole", async () => {
    const expected = await whole();
    const pieces = await openInPieces(decoder, { input: "inputs_embeds", wrt }, openWhole);
    const found = await pieces.run(feeds, {});
    await pieces.close();
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
    expect(floats(found.loss!)).toEqual(floats(expected.loss!));
    for (const name of wrt) expectAlike(floats(found[gradientOf(name)]!), floats(expected[gradientOf(name)]!), name);
  });

  it("go back no further than the first that is trained", async () => {
    const graphs: string[] = [];
    const name = "model.layers.1.self_attn.v_proj.weight";
    const pieces = await openInPieces(decoder, { input: "inputs_embeds", wrt: [name] }, (graph) => {
      graphs.push(graph.outputs.map((output) => output.name).join(" "));
      return openWhole(graph);
    });
    const found = await pieces.run(feeds, {});
    await pieces.close();
    expect(graphs).toEqual([
      "model.layers.0.Add_2",
      "model.layers.1.Add_1",
      `grad:${name}`,
      "grad:model.layers.1.Add_1 loss token_losses",
    ]);
    expectAlike(floats(found[gradientOf(name)]!), floats((await whole())[gradientOf(name)]!), name);
  });

  it("refuse what no piece reads, and close what was opened before a fault", async () => {
    const options = { input: "inputs_embeds", wrt: ["model.layers.7.mlp.up_proj.weight"] };
    await expect(openInPieces(decoder, options, openWhole)).rejects.toThrow(
      ocellusError("invalid_request", { name: options.wrt[0] }),
    );
    const failure = new Error("no memory");
    let [openings, closings] = [0, 0];
    const failing = async () => {
      if (++openings === 3) throw failure;
      return { run: async () => ({}), close: async () => void closings++ };
    };
    await expect(openInPieces(decoder, { input: "inputs_embeds", wrt }, failing)).rejects.toBe(failure);
    expect(closings).toBe(2);
  });

  it("see nothing of what is filled up behind a sequence", async () => {
    const graph = asInputs(
      crossEntropyGradients(decoder, { wrt: ["lm_head.weight", "model.layers.0.mlp.up_proj.weight"] }),
    );
    const filled = (own: readonly number[], length: number, fill: number) => {
      const data = new Float32Array(length * 8).fill(fill);
      data.set(own.slice(0, 2 * 8));
      return float32(data, [1, length, 8]);
    };
    const of = (length: number, fill: number) => ({
      ...feeds,
      inputs_embeds: filled(floats(feeds.inputs_embeds!), length, fill),
      "deepstack.0": filled(floats(feeds["deepstack.0"]!), length, fill),
      position_ids: int64([0, 1, 2, 3, 4].slice(0, length), [1, length]),
      ...{ logits_rows: int64([0, 1]), targets: int64([3, 4]), weights: float32(Float32Array.of(0.5, 0.5), [2]) },
    });
    const [short, long] = [await runOnce(graph, of(2, 0)), await runOnce(graph, of(5, 3))];
    for (const name of Object.keys(short)) expectAlike(floats(long[name]!), floats(short[name]!), name);
  });
});

describe("the cross-entropy of logits", () => {
  const logits = built((builder) => {
    builder.output("logits", builder.root.op("Identity", [builder.input("x", "f32", ["rows", 4])]));
  });
  const given = (values: readonly number[]) => ({
    x: float32(Float32Array.from(values), [2, 4]),
    targets: int64([1, 3]),
    weights: float32(Float32Array.of(0.25, 0.75), [2]),
  });

  it("is the weighted sum of -log p, with the gradient w · (p - 1 at the target)", async () => {
    const values = [0.3, -1, 2, 0.5, 1, 1.5, -0.5, 0];
    const results = await runOnce(crossEntropyGradients(logits, { wrt: ["x"] }), given(values));
    const rows = [values.slice(0, 4), values.slice(4)].map((row) => {
      const sum = row.reduce((total, x) => total + Math.exp(x), 0);
      return row.map((x) => Math.exp(x) / sum);
    });
    const losses = [-Math.log(rows[0]![1]!), -Math.log(rows[1]![3]!)];
    expectAlike(floats(results.token_losses!), losses, "losses");
    expectAlike(floats(results.loss!), [0.25 * losses[0]! + 0.75 * losses[1]!], "loss");
    const expected = rows.flatMap((row, n) => row.map((p, i) => [0.25, 0.75][n]! * (p - (i === [1, 3][n] ? 1 : 0))));
    expectAlike(floats(results["grad:x"]!), expected, "gradient");
    const forward = await runOnce(withCrossEntropy(logits), given(values));
    expect(Object.keys(forward).sort()).toEqual(["loss", "token_losses"]);
    expect(floats(forward.loss!)).toEqual(floats(results.loss!));
  });

  it("is finite where exp is not", async () => {
    const results = await runOnce(
      crossEntropyGradients(logits, { wrt: ["x"] }),
      given([9e4, -9e4, 0, 0, -2e4, 0, 0, 3e4]),
    );
    expect(floats(results.token_losses!)).toEqual([18e4, 0]);
    expect(floats(results["grad:x"]!)).toEqual([0.25, -0.25, 0, 0, 0, 0, 0, 0]);
  });
});

describe("low-rank updates", () => {
  const name = "model.layers.1.self_attn.v_proj.weight";
  const { a, b } = loraNames(name);
  const lora = withLora(decoder, new Map([[name, { rank: 2, scale: 0.5 }]]));

  it("have the gradients that the whole matrix W + scale · B·A has: dB = scale · dW·Aᵀ, dA = scale · Bᵀ·dW", async () => {
    const [A, B] = [drawn(2 * 8, next), drawn(8 * 2, next)];
    const given = { ...feeds, [a]: float32(A, [2, 8]), [b]: float32(B, [8, 2]) };
    const found = await runOnce(asInputs(crossEntropyGradients(lora, { wrt: [a, b] })), given);
    const merged = Float32Array.from(floats(feeds[name]!), (x, i) => {
      const [row, column] = [Math.floor(i / 8), i % 8];
      return x + 0.5 * (B[2 * row]! * A[column]! + B[2 * row + 1]! * A[8 + column]!);
    });
    const reference = await runOnce(asInputs(crossEntropyGradients(decoder, { wrt: [name] })), {
      ...feeds,
      [name]: float32(merged, [8, 8]),
    });
    const dW = floats(reference[gradientOf(name)]!);
    const dA = A.map(
      (_, i) =>
        0.5 *
        [0, 1, 2, 3, 4, 5, 6, 7].reduce(
          (sum, row) => sum + B[2 * row + Math.floor(i / 8)]! * dW[8 * row + (i % 8)]!,
          0,
        ),
    );
    const dB = B.map(
      (_, i) =>
        0.5 *
        [0, 1, 2, 3, 4, 5, 6, 7].reduce(
          (sum, column) => sum + dW[8 * Math.floor(i / 2) + column]! * A[8 * (i % 2) + column]!,
          0,
        ),
    );
    expectAlike(floats(found.loss!), floats(reference.loss!), "loss");
    expectAlike(floats(found[gradientOf(a)]!), [...dA], "A");
    expectAlike(floats(found[gradientOf(b)]!), [...dB], "B");
  });

  it("refuse a matrix that is not multiplied with", () => {
    expect(() => withLora(decoder, new Map([["model.norm.weight", { rank: 2, scale: 1 }]]))).toThrow(
      ocellusError("invalid_request", { name: "model.norm.weight" }),
    );
  });
});
