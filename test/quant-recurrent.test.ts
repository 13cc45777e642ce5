/** What int8 and int4 lose of a decoder with layers of two kinds, as `quant-report` tells it. */
import { join } from "node:path";
import { beforeAll, expect, it, vi } from "vitest";
import { image } from "../src/core/runtime/index.js";
import { reportDivergence, reportErrors } from "../src/inspect/index.js";
import { temporaryFolder } from "./support/folders.js";
import { noise, packSmallQwen35 } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
let checkpoint: string;
beforeAll(async () => {
  const folder = temporaryFolder();
  await packSmallQwen35(folder);
  checkpoint = join(folder, "checkpoint");
});

it("covers the matrices of both kinds of layers, and leaves out gates and decays, which are float32 in every plan", async () => {
  const { kinds } = await reportErrors(checkpoint, { threads: 1 });
  const titles = kinds.map(({ title }) => title);
  const linear = ["in_proj_qkv", "in_proj_z", "out_proj"].map((name) => `linear_attn.${name}`);
  for (const name of [...linear, "self_attn.q_proj", "self_attn.o_proj"])
    expect(titles).toContain(`model.language_model.layers.*.${name}.weight`);
  expect(titles.filter((title) => /in_proj_[ab]|A_log|dt_bias|conv1d/.test(title))).toEqual([]);
});

it("finds int8 near fp32, and int4 further off", async () => {
  const conversations = [1, 2].map((seed) => [
    { role: "user" as const, content: [image(noise(seed, 64, 64)), "What is it?"] },
  ]);
  const formats = ["fp32", "int8", "int4-b32"] as const;
  const [fp32, int8, int4] = await reportDivergence(checkpoint, conversations, { formats });
  expect(fp32!.kl).toBeLessThan(1e-9);
  expect(int8!.kl).toBeLessThan(int4!.kl / 4); // its steps are 16 times as fine; measured a tenth
  expect(int8!.sameTop).toBeGreaterThan(int4!.sameTop);
});
