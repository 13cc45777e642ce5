import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { canonicalJson, manifestDigest, parseManifest } from "./manifest.js";
import { modelFolder, openRegistry } from "./registry.testkit.js";

const digest = (digit: string) => digit.repeat(64);
const record = {
  format: "ocellus-tuning-1",
  base: { model_type: "llama", digest: `sha256:${digest("a")}` },
  data: { digest: digest("b"), examples: 9 },
  recipe: { epochs: 3, lora: { rank: 8, alpha: 16, targets: ["q_proj"] } },
  result: { steps: 9 },
};

it("of a tuned model is part of its version, and of the version's digest", async () => {
  const registry = await openRegistry();
  const about = { family: "llama", quantization: "f32", createdBy: "test" };
  const folder = await modelFolder({ "config.json": "{}", "tuning.json": JSON.stringify(record) });
  const manifest = await registry.publish(folder, { ...about, tag: "tuned" });
  const lineage = { base: record.base.digest, data: record.data.digest, recipe: record.recipe };
  expect(manifest.lineage).toEqual(lineage);
  expect(parseManifest(JSON.parse(canonicalJson(manifest)), "copy")).toEqual(manifest);
  expect(manifestDigest({ ...manifest, lineage: { ...lineage, data: digest("c") } })).not.toBe(manifestDigest(manifest)); // biome-ignore format: one thought
  expect(await readFile(join(await registry.folderOf("tuned"), "tuning.json"), "utf8")).toBe(JSON.stringify(record));
  const plain = await modelFolder({ "config.json": "{}", "tuning.json": '{"format": "another tool\'s"}' });
  expect(await registry.publish(plain, { ...about, tag: "plain" })).not.toHaveProperty("lineage");
  const broken = await modelFolder({ "config.json": "{}", "tuning.json": JSON.stringify({ ...record, data: {} }) });
  const refused = registry.publish(broken, { ...about, tag: "broken" });
  await expect(refused).rejects.toThrow(ocellusError("invalid_file", { field: "data.digest" }));
});
