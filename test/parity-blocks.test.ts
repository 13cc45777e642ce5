/**
 * Blocks of src/nn that the coming families need, against Hugging Face transformers in fp32, by test/golden/blocks/make_golden.py.
 *
 * Tolerance: as in parity.test.ts.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Feeds, float32, GraphSession, int32, int64 } from "../src/core/backend/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog, withWeightsAsInputs } from "../src/core/graph/index.js";
import * as nn from "../src/core/nn/index.js";
import { expectClose } from "./support/close.js";
import { repository } from "./support/folders.js";
import { type Fixture, oneThread, openFixture } from "./support/parity.js";

const tolerance = 2e-5;
const golden = join(repository, "test/golden/blocks");

/** The graph with its weights from the fixture; `run` gives the outputs' numbers. */
async function opened(fixture: Fixture, build: (builder: GraphBuilder) => void) {
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  const builder = new GraphBuilder("block", catalog);
  build(builder);
  const graph = withWeightsAsInputs(builder.build());
  const weights: Record<string, Feeds[string]> = {};
  for (const { name, shape } of catalog.tensors.values()) weights[name] = float32(await fixture.floats(name), shape);
  const session = await GraphSession.open(
    encodeOnnx(graph, () => expect.fail("weights are inputs")),
    oneThread,
  );
  const outputs = Object.fromEntries(graph.outputs.map(({ name }) => [name, null]));
  return {
    run: (feeds: Feeds) => session.run({ ...weights, ...feeds }, outputs),
    close: () => session.close(),
  };
}

describe("an encoder block with windows, an RMSNorm and a gated mlp", () => {
  it("equals Qwen2.5-VL's, whose windows have different lengths", async () => {
    const fixture = await openFixture(golden, "windowed-block");
    const lengths = await fixture.numbers("in.lengths");
    const [n, widest] = [lengths.reduce((sum, length) => sum + length, 0), Math.max(...lengths)];
    const block = await opened(fixture, (builder) => {
      const windows = {
        rows: builder.input("rows", "i64", ["windows", "widest"]),
        lengths: builder.input("lengths", "i32", ["windows"]),
        places: builder.input("places", "i64", ["n"]),
      };
      const rotary = {
        cos: builder.input("cos", "f32", ["n", 8]),
        sin: builder.input("sin", "f32", ["n", 8]),
        positionIds: builder.input("position_ids", "i64", [1, "n"]),
      };
      const made = nn.encoderBlock(builder.root, builder.input("x", "f32", [1, "n", 32]), {
        ...{ norms: ["norm1", "norm2"], norm: "rms", epsilon: 1e-6 },
        attention: { at: "attn", qkv: ["qkv"], out: "attn.proj", numHeads: 2, bias: true, rotary, visible: windows },
        mlp: {
          at: "mlp",
          gate: "gate_proj",
          up: "up_proj",
          down: "down_proj",
          activation: "silu",
          width: 40,
          bias: true,
        },
      });
      builder.output("y", made);
    });
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
    const slots = lengths.flatMap((length, i) => Array.from({ length }, (_, j) => i * widest + j));
    const rows = new Array<number>(lengths.length * widest).fill(0);
    for (const [row, slot] of slots.entries()) rows[slot] = row;
    expect(starts.map((start, i) => rows[i * widest] === start)).not.toContain(false);
    const { y } = await block.run({
      x: float32(await fixture.floats("in.x"), [1, n, 32]),
      cos: float32(await fixture.floats("in.cos"), [n, 8]),
      sin: float32(await fixture.floats("in.sin"), [n, 8]),
      position_ids: int64([...Array(n).keys()], [1, n]),
      rows: int64(rows, [lengths.length, widest]),
      lengths: int32(lengths),
      places: int64(slots),
    });
    expectClose(y!.data as Float32Array, await fixture.floats("out.x"), tolerance, "windowed block");
    await block.close();
  });
});

describe("a gated delta net", () => {
  const net = { keyHeads: 2, valueHeads: 4, keyDim: 8, valueDim: 16, kernel: 4, epsilon: 1e-6 };

  it("equals Qwen3.5's linear attention, read at once or going on from its states", async () => {
    const fixture = await openFixture(golden, "gated-delta-net");
    const layer = await opened(fixture, (builder) => {
      const past = {
        conv: builder.input("conv", "f32", [1, 96, 3]),
        recurrent: builder.input("recurrent", "f32", [1, 4, 8, 16]),
      };
      const { output, present } = nn.gatedDeltaNet(builder.root, builder.input("x", "f32", [1, "n", 24]), past, net);
      builder.output("y", output);
      builder.output("new_conv", present.conv);
      builder.output("new_recurrent", present.recurrent);
    });
    const x = await fixture.floats("in.x");
    const expected = await fixture.floats("out.x");
    const empty = {
      conv: float32(new Float32Array(96 * 3), [1, 96, 3]),
      recurrent: float32(new Float32Array(512), [1, 4, 8, 16]),
    };
    const tokens = (from: number, to: number) => ({ x: float32(x.subarray(from * 24, to * 24), [1, to - from, 24]) });
    const whole = await layer.run({ ...tokens(0, 8), ...empty });
    expectClose(whole.y!.data as Float32Array, expected, tolerance, "eight tokens");
    const first = await layer.run({ ...tokens(0, 5), ...empty });
    expectClose(
      first.new_conv!.data as Float32Array,
      await fixture.floats("out.conv"),
      tolerance,
      "convolution's state",
    );
    expectClose(first.new_recurrent!.data as Float32Array, await fixture.floats("out.recurrent"), tolerance, "memory");
    const second = await layer.run({ ...tokens(5, 8), conv: first.new_conv!, recurrent: first.new_recurrent! });
    expectClose(second.y!.data as Float32Array, expected.subarray(5 * 24), tolerance, "the last three");
    await layer.close();
  });
});
