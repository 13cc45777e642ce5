/**
 * Checkpoints that others quantised, against what their own libraries restore: test/golden/quantize/, by
 * training/golden_quant.py. Tolerance of the logits: as in parity.test.ts.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { openCheckpoint, writeSafetensors } from "../src/core/checkpoint/index.js";
import { indexPositions } from "../src/core/models/index.js";
import { openPacked, pack, parsePlan } from "../src/core/pack/index.js";
import { dequantizeNf4, dequantizeRows, openQuantized, unnestScales } from "../src/core/quantize/index.js";
import { type BlockFormat, type Tensor, toFloat32 } from "../src/core/tensor/index.js";
import { expectClose } from "./support/close.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { oneThread, openFixture, prefill } from "./support/parity.js";

const golden = join(repository, "test/golden/quantize");
const folder = temporaryFolder();
const matrix = "model.layers.0.mlp.down_proj.weight";

/** Equal but for the sign of a zero, which bitsandbytes' fp4 keeps. */
function expectSame(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  expect(actual.findIndex((value, i) => value !== expected[i])).toBe(-1);
}

/** Name → the plan that keeps it, the format it is then in, or nothing when no format of ours holds it. */
const cases: Record<string, readonly [weights: string, note: string, format?: BlockFormat]> = {
  "bnb-nf4": ["nf4", "7 of its 7 quantised matrices kept as stored, without loss: nf4"],
  "bnb-nf4-nested": ["nf4", "7 of its 7 quantised matrices kept as stored, without loss: nf4 double"],
  "bnb-fp4": ["int4", "7 of its 7 quantised matrices widened and quantised again: int4 b32"],
  "bnb-nf4-b128": ["nf4-double", "7 of its 7 quantised matrices widened and quantised again: nf4 double"],
  "gptq-g64": [
    "int4",
    "kept as stored, without loss: int4 b64 with zero points",
    { kind: "int4", blockSize: 64, zeroPoints: true },
  ],
  "gptq-sym-channel": ["int4", "kept as stored, without loss: int4 b128", { kind: "int4", blockSize: 128 }],
  "gptq-desc-act": ["int4", "widened and quantised again: int4 b32"],
  "gptq-int8": ["int8", "kept as stored, without loss: int8 b128", { kind: "int8", blockSize: 128 }],
  "awq-g64": [
    "int4",
    "kept as stored, without loss: int4 b64 with zero points",
    { kind: "int4", blockSize: 64, zeroPoints: true },
  ],
  "compressed-g32": ["int4", "kept as stored, without loss: int4 b32", { kind: "int4", blockSize: 32 }],
  "compressed-g64-asym": [
    "int4",
    "kept as stored, without loss: int4 b64 with zero points",
    { kind: "int4", blockSize: 64, zeroPoints: true },
  ],
  "compressed-int8-channel": ["int8", "kept as stored, without loss: int8 b128", { kind: "int8", blockSize: 128 }],
  "fp8-block": ["int8", "widened and quantised again: int8 b32"],
};

describe.each(Object.entries(cases))("the checkpoint %s", async (name, [weights, note, format]) => {
  const source = join(golden, name);
  const fixture = await openFixture(source);
  const expected = await fixture.floats("down_proj");

  it("is widened to the numbers of its own library, bit by bit, wherever one begins to read", async () => {
    const checkpoint = await openCheckpoint(join(source, "model.safetensors"));
    const config = JSON.parse(readFileSync(join(source, "config.json"), "utf8")) as { quantization_config: unknown };
    const opened = await openQuantized(checkpoint, config.quantization_config);
    expect(opened.info(matrix)).toEqual({ name: matrix, dtype: "f32", shape: [128, 128] });
    expect([...opened.names()].filter((tensor) => tensor.includes("down_proj"))).toEqual([matrix]);
    const { bytes } = await opened.read(matrix);
    expectSame(toFloat32(bytes, "f32"), expected);
    const piece = toFloat32(await opened.readRange(matrix, 128 * 3 + 5, 128 * 7 + 2), "f32");
    expectSame(piece, expected.subarray(128 * 3 + 5, 128 * 7 + 2));
    await checkpoint.close();
  });

  it("answers in float32 as a model of those numbers does in transformers", async () => {
    const { path, notes } = await pack(join(source, "model.safetensors"), {
      plan: parsePlan("fp32"),
      into: join(folder, `${name}-fp32`),
    });
    expect(notes).toEqual([expect.stringContaining("7 of its 7 quantised matrices widened: fp32")]);
    const packed = await openPacked(path);
    const ids = await fixture.numbers("input_ids");
    const embeds = new Float32Array(ids.length * 128);
    await packed.embedding.read(ids, embeds, 0);
    const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
    const { logits } = await prefill(packed, decoder, { embeds, positions: indexPositions }, []);
    expectClose(logits!.data as Float32Array, await fixture.floats("logits"), 2e-5, "logits");
    await decoder.close();
    await packed.close();
  });

  it("says the same of what was kept with a copy for prompts beside it", async () => {
    const [alone, copied] = await Promise.all(
      (["same", "int8"] as const).map((prefillWeights) =>
        pack(source, { plan: parsePlan(weights, { prefillWeights }), into: join(folder, `${name}-${prefillWeights}`) }),
      ),
    );
    expect(copied!.notes).toEqual(alone!.notes);
  });

  it(`is packed as ${weights} and told: ${note}`, async () => {
    const { path, notes } = await pack(source, { plan: parsePlan(weights), into: join(folder, name) });
    expect(notes).toEqual([expect.stringContaining("fixture.safetensors"), expect.stringContaining(note)]);
    if (!note.includes("kept")) return;
    const stored = await openCheckpoint(join(path, "weights.safetensors"));
    const part = async (suffix: string) => (await stored.read(`${matrix}.${suffix}`)).bytes.slice();
    const floats = async (suffix: string) => toFloat32(await part(suffix), "f32");
    if (format) {
      const zeros = format.zeroPoints && { zeroPoints: await part("int4.zero_points") };
      const rows = { codes: await part(format.kind), scales: await floats(`${format.kind}.scales`), ...zeros };
      expectSame(dequantizeRows(rows, 128, 128, format), expected);
    } else {
      const isNested = note.includes("double");
      const scales = isNested
        ? unnestScales(
            {
              codes: await part("nf4.scales"),
              scales: await floats("nf4.nested_scales"),
              table: await floats("nf4.nested_table"),
              offset: (await floats("nf4.offset"))[0]!,
            },
            256,
          )
        : await floats("nf4.scales");
      expectSame(dequantizeNf4({ codes: await part("nf4"), scales }), expected);
    }
    await stored.close();
  });
});

describe("a quantised checkpoint that is not read", () => {
  const bases: Record<string, unknown> = {
    aqlm: { quant_method: "aqlm" },
    "no method": { bits: 4 },
    "3 bits": { quant_method: "gptq", bits: 3, group_size: 128 },
    gemv: { quant_method: "awq", bits: 4, group_size: 64, version: "gemv" },
    "int-quantized": { quant_method: "compressed-tensors", format: "int-quantized" },
    "8 bits": { quant_method: "bitsandbytes", load_in_8bit: true },
    "per-tensor fp8": { quant_method: "fp8" },
  };
  it.each(Object.entries(bases))("is refused in one sentence: %s", async (name, quantization_config) => {
    const path = join(folder, `refused-${name.replaceAll(" ", "-")}`);
    mkdirSync(path);
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...configOf("gptq-g64"), quantization_config }));
    await writeSafetensors(join(path, "model.safetensors"), []);
    const error = await pack(path, { plan: parsePlan("int4") }).catch((e: unknown) => e as Error & { code: string });
    expect(error).toMatchObject({ code: "unsupported", message: expect.stringMatching(/^config\.json: /) });
    expect((error as Error).message).not.toContain("\n");
  });

  const configOf = (name: string) => JSON.parse(readFileSync(join(golden, name, "config.json"), "utf8")) as object;

  /** The fixture with one of its tensors changed, or taken away. */
  async function altered(name: string, tensor: string, change: (tensor: Tensor) => Tensor | undefined): Promise<Error> {
    const path = join(folder, `altered-${tensor}-${name}`);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "config.json"), JSON.stringify(configOf(name)));
    const checkpoint = await openCheckpoint(join(golden, name, "model.safetensors"));
    const tensors: Tensor[] = [];
    for (const other of checkpoint.names()) {
      const found = await checkpoint.read(other);
      const kept = other === `model.layers.0.mlp.down_proj.${tensor}` ? change(found) : found;
      if (kept) tensors.push(kept);
    }
    await checkpoint.close();
    await writeSafetensors(join(path, "model.safetensors"), tensors);
    return pack(path, { plan: parsePlan("int4"), into: join(path, "packed") }).catch(
      (e: unknown) => e,
    ) as Promise<Error>;
  }
  const filled = (value: number) => (tensor: Tensor) => ({
    ...tensor,
    bytes: new Uint8Array(tensor.bytes.length).fill(value),
  });

  it.each([
    ["gptq-g64", "qzeros", () => undefined, { tensor: "model.layers.0.mlp.down_proj.qzeros", found: "nothing" }],
    ["gptq-desc-act", "g_idx", filled(7), { expected: "groups below 4" }],
    ["gptq-sym-channel", "qzeros", filled(0x33), { expected: expect.stringMatching(/^8 .*"sym": true/), found: "4" }],
    ["awq-g64", "scales", filled(0x7c), { expected: "numbers", found: "NaN" }],
    ["compressed-g32", "weight_shape", filled(1), { expected: expect.stringContaining("[128, columns]") }],
    ["bnb-nf4", "weight.quant_state.bitsandbytes__nf4", filled(32), { expected: "quantisation state" }],
    [
      "bnb-nf4-nested",
      "weight.absmax",
      (t: Tensor) => ({ ...t, shape: [255], bytes: t.bytes.subarray(1) }),
      { expected: expect.stringContaining("256 u8 codes") },
    ],
    ["fp8-block", "weight_scale_inv", filled(0xff), { expected: "finite scales", found: "NaN at 0" }],
    [
      "fp8-block",
      "weight_scale_inv",
      (t: Tensor) => ({ ...t, shape: [1, 2], bytes: t.bytes.subarray(8) }),
      { expected: "4 scales", found: "2" },
    ],
  ] as const)("is refused when its parts do not fit: %s, %s", async (name, tensor, change, details) => {
    expect(await altered(name, tensor, change)).toEqual(ocellusError("invalid_file", details));
  });
});
