import { describe, expect, it } from "vitest";
import { GraphBuilder, recordingCatalog } from "../core/graph/index.js";
import * as nn from "../core/nn/index.js";
import { peakActivationBytes } from "./activations.js";

/** One block of an encoder whose attention sees all rows, or those of windows of 16. */
function block(isWindowed: boolean) {
  const catalog = recordingCatalog(() => ({ kind: "f32" }));
  const builder = new GraphBuilder("block", catalog);
  const visible = {
    rows: builder.input("rows", "i64", ["windows", 16]),
    lengths: builder.input("lengths", "i32", ["windows"]),
    places: builder.input("places", "i64", ["n"]),
  };
  const attention = { at: "attn", qkv: ["qkv"], out: "attn.proj", numHeads: 4, bias: true } as const;
  const y = nn.encoderBlock(builder.root, builder.input("x", "f32", [1, "n", 64]), {
    ...{ norms: ["norm1", "norm2"], epsilon: 1e-6 },
    attention: { ...attention, ...(isWindowed && { visible }) },
    mlp: { at: "mlp", up: "fc1", down: "fc2", activation: "gelu", width: 128, bias: true },
  });
  builder.output("y", y);
  return builder.build();
}

describe("the memory of a run", () => {
  it("is counted of attention within windows as of any", () => {
    const sizes = { n: 1024, windows: 64 };
    const [whole, windowed] = [false, true].map((isWindowed) => peakActivationBytes(block(isWindowed), sizes));
    expect(windowed).toBeGreaterThan(whole! / 2);
    expect(windowed).toBeLessThan(2 * whole!);
  });
});
