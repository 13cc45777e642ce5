/**
 * That the parity tests of qwen3_5 would notice faults which leave a model plausible: the decay's sign, the length of q and k, the
 * gate's place in q_proj, the one that norms leave out, and how much of a head turns. Each is put into the graph that was built.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PackedModel } from "../src/core/pack/index.js";
import { expectClose, relativeError } from "./support/close.js";
import { type Change, changing, without } from "./support/graph-faults.js";
import { openChanged, prefill } from "./support/parity.js";
import { openQwen35Case, type Qwen35Case } from "./support/qwen3-5.js";

const tolerance = 2e-5; // as in parity-qwen3-5.test.ts

let golden: Qwen35Case;
beforeAll(async () => {
  golden = await openQwen35Case("tied-one-image");
});
afterAll(() => golden?.packed.close());

/** The logits behind the prompt, of the decoder's graph with a change. */
async function logits(change: Change, packed: PackedModel = golden.packed): Promise<Float32Array> {
  const { ids, images, inputs, weights } = golden;
  const { hiddenSize } = packed.family.dimensions(packed.config);
  const embeds = new Float32Array(ids.length * hiddenSize);
  await packed.embedding.read(ids, embeds, 0);
  for (const { tokens, start } of images) embeds.set(tokens, start * hiddenSize);
  const decoder = await openChanged(packed, weights, "decoder", change);
  const results = await prefill(packed, decoder, { embeds, positions: inputs().positions }, []);
  const copy = (results.logits!.data as Float32Array).slice();
  await decoder.close();
  return copy;
}

// four linear layers and one of attention
const faults: readonly (readonly [fault: string, change: Change])[] = [
  ["a decay that grows", without(/\.linear_attn\.Neg$/, 4)],
  ["q and k of any length", without(/\.linear_attn\.SimplifiedLayerNormalization(_\d)?$/, 8)],
  [
    "q that is not divided by the root of its columns",
    changing(/\.LinearAttention$/, 4, (node) => ({ ...node, attributes: { ...node.attributes, scale: { float: 1 } } })),
  ],
  ["the gate before the queries", changing(/\.self_attn\.Split$/, 1, (node) => ({ ...node, outputs: node.outputs.toReversed() }))], // biome-ignore format: one thought
  ["norms that count from zero", without(/norm\.Add$/, 13)],
  ["no norm of what a linear layer reads", without(/linear_attn\.norm\.SimplifiedLayerNormalization$/, 4)],
];

it("equals the reference as it stands", async () => {
  expectClose(await logits((graph) => graph), await golden.fixture.floats("logits"), tolerance, "logits");
});

it.each(faults)("is far from the reference with %s", async (_, change) => {
  expect(relativeError(await logits(change), await golden.fixture.floats("logits"))).toBeGreaterThan(100 * tolerance);
});

it.each([0.5, 1])("is far from the reference where %d of a head turns and not a quarter", async (share) => {
  const { packed, fixture } = golden;
  const config = structuredClone(packed.config) as { text_config: { rope_parameters: Record<string, unknown> } };
  expect(config.text_config.rope_parameters.partial_rotary_factor).toBe(0.25);
  config.text_config.rope_parameters.partial_rotary_factor = share;
  const wrong = await logits((graph) => graph, { ...packed, config });
  expect(relativeError(wrong, await fixture.floats("logits"))).toBeGreaterThan(100 * tolerance);
});
