import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { dequantizeRows } from "../quantize/index.js";
import { type BlockFormat, byteLength, toFloat32 } from "../tensor/index.js";
import { openPacked } from "./open-packed.js";
import { pack } from "./pack.js";
import type { Packed } from "./packed.js";
import { parsePlan } from "./plan.js";
import { encodeStored, storedGraphs } from "./stored-graphs.js";
import { type WeightFile, withFloats } from "./with-floats.js";

const golden = join(import.meta.dirname, "../../../test/golden");
const root = mkdtempSync(join(tmpdir(), "ocellus-floats-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const cases = [
  ["qwen3_vl_resampler/gqa-tied", "int4", { blockSize: 128, zeroPoints: true }],
  ["qwen3_vl_resampler/mha-untied", "int8", { blockSize: 64 }],
  ["qwen3_vl_resampler/gqa-tied", "int4", { prefillWeights: "int8" }],
] as const;

type AnyPacked = Packed<Awaited<ReturnType<typeof openPacked>>["family"]>;

const wholeFiles = ({ files }: AnyPacked): WeightFile[] =>
  files.files.map(({ name }) => ({ path: name, data: readFileSync(join(files.path, name)) }));

async function storedBytes({ files }: AnyPacked, name: string): Promise<Uint8Array> {
  return files.readRange(
    name,
    0,
    files.info(name)!.shape.reduce((a, b) => a * b, 1),
  );
}

/** Of the decoder's products, the stored parts by the name that the floats have. */
function matricesOf(packed: AnyPacked) {
  return storedGraphs(packed).decoder!.nodes.flatMap(({ op, inputs, attributes }) => {
    if (op !== "MatMulNBits") return [];
    const [, values, scales, zeroPoints] = inputs.map((input) => input?.name);
    const { K, N, bits, block_size } = attributes as Record<string, number>;
    const format: BlockFormat = { kind: bits === 8 ? "int8" : "int4", blockSize: block_size as 32 };
    const name = values!.replace(/\.int[48]$/, "");
    return [{ name, values: values!, scales: scales!, zeroPoints, rows: N!, columns: K!, format }];
  });
}

describe("a decoder widened while it is opened", () => {
  it.each(cases)("multiplies by the floats that its blocks stand for: %s in %s %j", async (name, weights, options) => {
    const into = join(root, JSON.stringify([name, options]).replace(/\W/g, ""));
    const { path } = await pack(join(golden, name), { plan: parsePlan(weights, options), into });
    const packed = await openPacked(path);
    const widened = withFloats(packed)!;
    const { data, path: file } = widened.file(wholeFiles(packed));
    const graphs = storedGraphs(widened.packed);
    expect(graphs.decoder!.nodes.filter(({ op }) => op === "MatMulNBits")).toEqual([]);
    const matrices = new Map(matricesOf(packed).map((matrix) => [matrix.name, matrix]));
    expect(matrices.size).toBeGreaterThan(4);
    for (const graph of Object.values(graphs)) {
      expect(encodeStored(graph, widened.packed).length).toBeGreaterThan(0);
      for (const { value, source } of graph.initializers) {
        if ("bytes" in source) continue;
        const at = widened.packed.files.locate(value.name);
        expect(at.file).toBe(file);
        const found = data.slice(at.offset, at.offset + byteLength(value.dtype, value.shape as number[]));
        const matrix = matrices.get(value.name);
        if (!matrix) expect(Buffer.compare(found, await storedBytes(packed, value.name)), value.name).toBe(0);
        else {
          const { values, scales, zeroPoints, rows, columns, format } = matrix;
          const codes = await storedBytes(packed, values);
          const zeros = zeroPoints && { zeroPoints: await storedBytes(packed, zeroPoints) };
          const stored = { codes, scales: toFloat32(await storedBytes(packed, scales), "f32"), ...zeros };
          expect(toFloat32(found, "f32"), value.name).toEqual(dequantizeRows(stored, rows, columns, format));
        }
      }
    }
    expect(withFloats(packed, 1000)).toBeUndefined();
    await packed.close();
  });

  it("is left as it is where nothing is in blocks", async () => {
    const into = join(root, "floats");
    const { path } = await pack(join(golden, "qwen3_vl_resampler/gqa-tied"), { plan: parsePlan("fp32"), into });
    const packed = await openPacked(path);
    expect(withFloats(packed)).toBeUndefined();
    await packed.close();
  });
});
