/**
 * The guard nsfw against nsfwjs on TensorFlow.js, by test/golden/keras_mobilenet_v2/make_golden.ts: 200 pictures, every score to 1e-3. The
 * weights are the package's, which is a dependency of the tests only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { loadClassifier } from "../src/core/runtime/index.js";
import { nsfwCheckpoint } from "../src/guardrails/detectors/nsfw.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { generatedImage } from "./support/generated-images.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const folder = join(repository, "node_modules/nsfwjs");

interface Golden {
  readonly bundled: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly generated: readonly Readonly<Record<string, number>>[];
}

describe("nsfw", () => {
  it("agrees with the original library to 1e-3 on 200 pictures", async () => {
    const golden = JSON.parse(
      readFileSync(join(repository, "test/golden/keras_mobilenet_v2/scores.json"), "utf8"),
    ) as Golden;
    const images = [
      ...Object.entries(golden.bundled).map(
        ([name, scores]) => [join(repository, "examples/pictures", name), scores] as const,
      ),
      ...golden.generated.map((scores, seed) => [generatedImage(seed), scores] as const),
    ];
    expect(images).toHaveLength(200);
    const classifier = await loadClassifier(await nsfwCheckpoint(folder), {
      weights: "fp32",
      device: "cpu",
      threads: 1,
    });
    let worst = 0;
    for (const [image, scores] of images)
      for (const { label, probability } of await classifier.classify(image))
        worst = Math.max(worst, Math.abs(probability - scores[label]!));
    await classifier.close();
    expect(worst).toBeLessThanOrEqual(1e-3);
  });
});
