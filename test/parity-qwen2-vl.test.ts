/** qwen2_vl and qwen2_5_vl against Hugging Face transformers in fp32, by test/golden/qwen2_vl/make_golden.py. */
import { goldenImages } from "./support/qwen2-vl-images.js";
import { describeVisionParity } from "./support/vision-parity.js";

for (const [folder, cases] of Object.entries({
  qwen2_vl: ["tied-gqa", "flat-two-images", "patch-14"],
  qwen2_5_vl: ["edge-windows", "flat-two-images", "small-windows"],
}))
  describeVisionParity({
    ...{ folder, cases, images: (fixture) => goldenImages(fixture), divergence: { int8: 0.1, int4: 1 } },
    stages: (fixture) => ({
      patch_embed: "model.visual.patch_embed.proj.FusedMatMul",
      ...Object.fromEntries(
        Array.from({ length: fixture.count("vision_blocks") }, (_, n) => [
          `vision_blocks.${n}`,
          `model.visual.blocks.${n}.Add_1`,
        ]),
      ),
    }),
    layer: (n) => `model.language_model.layers.${n}.Add_1`,
  });
