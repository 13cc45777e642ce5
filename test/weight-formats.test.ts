/**
 * Each number format, through ONNX Runtime: a packed model gives the logits that a float32 checkpoint of its restored
 * numbers gives, so that what a format loses is what `restoredRows` says, and nothing more.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GraphSession } from "../src/core/backend/index.js";
import { openCheckpoint, writeSafetensors } from "../src/core/checkpoint/index.js";
import { familyOf } from "../src/core/models/index.js";
import { formatOf, openPacked, type PackingPlan, pack, parsePlan } from "../src/core/pack/index.js";
import { restoredRows } from "../src/core/quantize/index.js";
import { float32Tensor, type Tensor, toFloat32 } from "../src/core/tensor/index.js";
import { relativeError } from "./support/close.js";
import { fixtureTensor } from "./support/decoder.js";
import { goldenFolder, temporaryFolder } from "./support/folders.js";
import { oneThread, prefill } from "./support/parity.js";

const source = join(goldenFolder, "gqa-tied");
const folder = temporaryFolder();

async function logitsOf(weights: string, plan: PackingPlan, into: string): Promise<Float32Array> {
  const packed = await openPacked((await pack(weights, { plan, into: join(folder, into) })).path);
  const decoder = await GraphSession.open(packed.graphPath("decoder"), oneThread);
  const embeds = await fixtureTensor("gqa-tied", "inputs_embeds");
  const { logits } = await prefill(packed, decoder, { embeds, positions: { axes: [], delta: 0 } }, []);
  const values = (logits!.data as Float32Array).slice();
  await decoder.close();
  await packed.close();
  return values;
}

/** The checkpoint as the plan would restore it. Its matrices are what has two axes and a format of its own. */
async function writeRestored(plan: PackingPlan, into: string): Promise<string> {
  const path = join(folder, into);
  mkdirSync(path);
  copyFileSync(join(source, "config.json"), join(path, "config.json"));
  const checkpoint = await openCheckpoint(source);
  const { canonicalName, parts } = familyOf(await checkpoint.readJson("config.json"));
  const place = (name: string) => ({ name: canonicalName(name), part: parts(canonicalName(name)) });
  const restored = async (name: string): Promise<Tensor> => {
    const tensor = await checkpoint.read(name);
    const [rows, columns] = tensor.shape;
    const isMatrix = tensor.shape.length === 2 && name.startsWith("language_model.");
    if (!isMatrix) return tensor;
    const values = toFloat32(tensor.bytes, tensor.dtype);
    const format = formatOf(plan, { ...place(name), columns });
    return float32Tensor(name, tensor.shape, restoredRows({ values, rows: rows!, columns: columns! }, format));
  };
  const tensors: Tensor[] = [];
  for (const name of checkpoint.names()) tensors.push(await restored(name));
  await writeSafetensors(join(path, "model.safetensors"), tensors);
  await checkpoint.close();
  return path;
}

/** If wanted, the plan with float32 for every matrix that it would give to an integer product. */
async function withoutRounding(plan: PackingPlan, wanted: boolean): Promise<PackingPlan> {
  const checkpoint = await openCheckpoint(source);
  const { canonicalName, parts } = familyOf(await checkpoint.readJson("config.json"));
  const place = (name: string) => ({ name: canonicalName(name), part: parts(canonicalName(name)) });
  const names = [...checkpoint.names()].filter((name) => {
    return formatOf(plan, { ...place(name), columns: checkpoint.info(name)!.shape[1] }).kind === "int8";
  });
  await checkpoint.close();
  return wanted ? { ...plan, formats: new Map(names.map((name) => [canonicalName(name), { kind: "f32" }])) } : plan;
}

/** The integer products also round their input to 8 bits, block by block: the reference does not. */
const rounded = 0.05;
const exact = 2e-5;

describe("logits of a packed model and of its restored numbers in float32", () => {
  it.each([
    ["fp16", {}, exact],
    ["int8", {}, rounded],
    ["int4", {}, rounded],
    ["int4", { blockSize: 128, zeroPoints: true }, rounded],
    ["int4", { zeroPoints: true }, rounded],
    ["nf4", {}, exact],
    ["nf4-double", {}, exact],
  ] as const)("are alike in %s %o", async (weights, options, tolerance) => {
    const plan = await withoutRounding(parsePlan(weights, options), tolerance === exact);
    const label = JSON.stringify([weights, options]).replace(/\W+/g, "-");
    const logits = await logitsOf(source, plan, `packed${label}`);
    const reference = await logitsOf(await writeRestored(plan, `restored${label}`), parsePlan("fp32"), `plain${label}`);
    expect(relativeError(logits, reference)).toBeLessThan(tolerance);
  });
});
