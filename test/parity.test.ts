/**
 * Stage by stage against PyTorch in fp32. The fixtures come from training/golden.py, which runs the reference
 * training/modeling_qwen3_vl_resampler.py on the weights as stored: three random tiny models that differ in head
 * counts, tying and spelling of names, and the model in the box.
 *
 * Tolerance: the largest relative error measured over all cases and stages is 2e-6 (float32 sums in another order,
 * 2-core x86-64, 2026-11); 1e-5 leaves room for other CPUs and is ten times tighter than the 1e-4 we aim for.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../src/checkpoint/index.js";
import { Engine } from "../src/engine/index.js";
import { checkpointCatalog, encodeOnnx, withOutputs } from "../src/graph/index.js";
import {
  buildGraphs,
  canonicalSource,
  openPacked,
  type PackedModel,
  pack,
  packedFiles,
  parsePlan,
} from "../src/pack/index.js";
import { DecoderRunner, type SequenceInputs } from "../src/runtime/runner.js";
import { encodeImages } from "../src/runtime/vision.js";
import { float32, GraphSession, int32, int64, KvCache } from "../src/session/index.js";
import { toFloat32 } from "../src/tensor/index.js";
import { expectClose } from "./support/close.js";
import { goldenFolder, repository, temporaryFolder } from "./support/folders.js";

const tolerance = 1e-5;
const cases = [
  { name: "gqa-tied", weights: join(goldenFolder, "gqa-tied") },
  { name: "mha-untied", weights: join(goldenFolder, "mha-untied") },
  { name: "short-names", weights: join(goldenFolder, "short-names") },
  { name: "ocellus-tiny", weights: join(repository, "checkpoints/ocellus-tiny") },
];

interface Fixture {
  floats(name: string): Promise<Float32Array>;
  ids(name: string): Promise<number[]>;
  numLayers: number;
}

async function openFixture(name: string): Promise<Fixture> {
  const file = await openCheckpoint(join(goldenFolder, name, "fixture.safetensors"));
  const floats = async (tensor: string) => {
    const { bytes, dtype } = await file.read(tensor);
    return toFloat32(bytes, dtype);
  };
  const numLayers = [...file.names()].filter((n) => n.startsWith("hidden_states.")).length;
  return { floats, ids: async (tensor) => [...(await floats(tensor))], numLayers };
}

const session = { device: "cpu", threads: 1 } as const;
const plan = parsePlan("fp32");

/** The packed decoder with the output of every layer visible, written beside the packed one. */
async function openTappedDecoder(packed: PackedModel, weights: string, numLayers: number): Promise<GraphSession> {
  const checkpoint = await openCheckpoint(weights);
  const stored = await openCheckpoint(join(packed.path, packedFiles.weights));
  const source = canonicalSource(checkpoint, packed.family);
  const { decoder } = buildGraphs(
    packed.family,
    packed.config,
    checkpointCatalog(source, () => ({ kind: "f32" })),
  );
  const tapped = withOutputs(decoder, layerOutputs(numLayers));
  const model = encodeOnnx(tapped, (name) => ({ file: packedFiles.weights, offset: stored.locate(name).offset }));
  await Promise.all([checkpoint.close(), stored.close()]);
  const path = join(packed.path, "tapped.onnx");
  writeFileSync(path, model);
  return GraphSession.open(path, session);
}

function layerOutputs(numLayers: number): string[] {
  return Array.from({ length: numLayers }, (_, n) => `language_model.layers.${n}.Add_1`);
}

describe.each(cases)("$name equals PyTorch in fp32", ({ name, weights }) => {
  const folder = temporaryFolder();
  let fixture: Fixture;
  let packed: PackedModel;
  let vision: GraphSession;

  beforeAll(async () => {
    fixture = await openFixture(name);
    packed = await openPacked((await pack(weights, { plan, into: join(folder, "packed") })).path);
    vision = await GraphSession.open(packed.visionPath, session);
  });
  afterAll(async () => {
    await vision.close();
    await packed.close();
  });

  async function placedImage(): Promise<SequenceInputs> {
    const ids = await fixture.ids("input_ids");
    const tokenId = packed.family.image.tokenId(packed.config);
    const numTokens = ids.filter((id) => id === tokenId).length;
    return { images: [{ start: ids.indexOf(tokenId), numTokens, tokens: await fixture.floats("visual_tokens") }] };
  }

  it("in the vision tower and the resampler", async () => {
    const data = await fixture.floats("pixel_values");
    const [image] = await encodeImages(vision, [
      { data, shape: [64, data.length / 64], grid: { rows: 8, columns: 8 } },
    ]);
    expectClose(image!.visionFeatures, await fixture.floats("vision_features"), tolerance, "vision_features");
    expectClose(image!.visualTokens, await fixture.floats("visual_tokens"), tolerance, "visual_tokens");
  });

  it("in each decoder layer and the logits", async () => {
    const decoder = await openTappedDecoder(packed, weights, fixture.numLayers);
    const embeds = await fixture.floats("inputs_embeds");
    const { hiddenSize, maxLength } = packed.family.dimensions(packed.config);
    const count = embeds.length / hiddenSize;
    const cache = new KvCache({ ...packed.family.cache(packed.config), numSlots: 1, maxLength });
    cache.reserve(count);
    const { past, present } = cache.bind(0, 1);
    const { cos, sin } = packed.family.rotary(packed.config, { start: 0, count });
    const outputs = layerOutputs(fixture.numLayers);
    const results = await decoder.run(
      {
        ...past,
        inputs_embeds: float32(embeds, [1, count, hiddenSize]),
        cos: float32(cos, [count, cos.length / count]),
        sin: float32(sin, [count, sin.length / count]),
        position_ids: int64(
          Array.from({ length: count }, (_, i) => i),
          [1, count],
        ),
        seqlens_k: int32([count - 1]),
        total_sequence_length: int32([count], []),
        logits_rows: int64([count - 1]),
      },
      { ...present, ...Object.fromEntries(["logits", ...outputs].map((output) => [output, null])) },
    );
    for (const [n, output] of outputs.entries()) {
      const reference = await fixture.floats(`hidden_states.${n}`);
      expectClose(results[output]!.data as Float32Array, reference, tolerance, output);
    }
    expectClose(results.logits!.data as Float32Array, await fixture.floats("logits"), tolerance, "logits");
    await decoder.close();
  });

  it("in 64 greedy tokens, whether the prompt is read whole or in chunks", async () => {
    const decoder = await GraphSession.open(packed.decoderPath, session);
    const request = {
      promptIds: await fixture.ids("input_ids"),
      payload: await placedImage(),
      sampling: { temperature: 0 },
      maxTokens: 64,
      stopTokenIds: [],
    };
    for (const prefillChunk of [512, 7]) {
      const engine = new Engine(new DecoderRunner(packed, decoder, { numSlots: 2, maxLength: 512 }), { prefillChunk });
      const ids: number[] = [];
      for await (const event of engine.submit(request)) ids.push(event.tokenId);
      expect(ids).toEqual(await fixture.ids("greedy_ids"));
      await engine.close();
    }
    await decoder.close();
  });
});
