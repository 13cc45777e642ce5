import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openPacked } from "./open-packed.js";
import { pack } from "./pack.js";
import { parsePlan } from "./plan.js";
import { encodeStored, storedGraphs } from "./stored-graphs.js";

const golden = join(import.meta.dirname, "../../../test/golden");
const root = mkdtempSync(join(tmpdir(), "ocellus-stored-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("the graphs of a packed model", () => {
  it.each([
    ["qwen3_vl_resampler/gqa-tied", "fp32", {}],
    ["qwen3_vl_resampler/gqa-tied", "fp16", {}],
    ["qwen3_vl_resampler/mha-untied", "int8", { blockSize: 64 }],
    ["qwen3_vl_resampler/gqa-tied", "int4", { blockSize: 128, zeroPoints: true, visionWeights: "same" }],
    ["qwen3_vl_resampler/gqa-tied", "int4", { visionWeights: "fp16" }],
    ["qwen3_vl/tied-one-picture", "nf4-double", {}],
    ...(["fp32", "fp16", "int8", "int4", "nf4-double"] as const).map(
      (weights) => ["qwen3_vl_resampler/gqa-tied", weights, { prefillWeights: "int8" }] as const,
    ),
    ["quantize/gptq-g64", "int4", { prefillWeights: "int8" }],
    ["quantize/gptq-g64", "int4", {}],
    ["quantize/bnb-nf4-nested", "nf4-double", {}],
  ] as const)("are told from what is stored, byte for byte: %s in %s %j", async (name, weights, options) => {
    const into = join(root, `${name}-${weights}-${JSON.stringify(options).replace(/\W/g, "")}`);
    const { path } = await pack(join(golden, name), { plan: parsePlan(weights, options), into });
    const packed = await openPacked(path);
    for (const [graphName, graph] of Object.entries(storedGraphs(packed)))
      expect(Buffer.compare(encodeStored(graph, packed), readFileSync(packed.graphPath(graphName))), graphName).toBe(0);
    await packed.close();
  });
});
