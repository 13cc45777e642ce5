import { describe, expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import type { FitProcessor, ImageProcessor, SmartResizeProcessor } from "./image-processor.js";
import { withPixelBudget } from "./pixel-budget.js";

const imageProcessor: SmartResizeProcessor = {
  kind: "smart_resize",
  patchSize: 16,
  mergeSize: 2,
  temporalPatchSize: 2,
  minPixels: 65_536,
  maxPixels: 1_048_576,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};

const bounds = (settled: ImageProcessor) => [
  (settled as SmartResizeProcessor).minPixels,
  (settled as SmartResizeProcessor).maxPixels,
];

describe("the pixel budget of a request", () => {
  it.each([
    [{}, [65_536, 1_048_576]],
    [{ minPixels: 100_000 }, [100_000, 1_048_576]],
    [{ maxPixels: 100_000 }, [65_536, 100_000]],
    [{ minPixels: 2048, maxPixels: 4096 }, [2048, 4096]],
    [{ minPixels: 4096, maxPixels: 4096 }, [4096, 4096]],
    [{ maxPixels: 1024 }, [1024, 1024]], // one bound gives way to the other where it comes from the checkpoint
    [{ minPixels: 2 ** 24 }, [2 ** 24, 2 ** 24]],
    [{ imageTokens: 100 }, [65_536, 102_400]],
    [{ imageTokens: 1 }, [1024, 1024]],
    [{ detail: "low" as const }, [65_536, 262_144]],
    [{ detail: "high" as const }, [65_536, 1_048_576]],
    [{ detail: "low" as const, maxPixels: 4096 }, [4096, 4096]], // low is a wish for less
    [{ detail: "low" as const, imageTokens: 500 }, [65_536, 262_144]],
    [{ detail: "low" as const, minPixels: 500_000 }, [262_144, 262_144]],
  ])("%j gives least and most %j", (budget, expected) => {
    const settled = withPixelBudget(imageProcessor, budget);
    expect(bounds(settled)).toEqual(expected);
    expect({ ...settled, minPixels: 65_536, maxPixels: 1_048_576 }).toEqual(imageProcessor);
  });

  it.each([
    [{ minPixels: 1023 }, { field: "minPixels", least: 1024, found: 1023 }],
    [{ maxPixels: 0 }, { field: "maxPixels", least: 1024, found: 0 }],
    [{ maxPixels: 2 ** 24 + 1 }, { field: "maxPixels", least: 1024, most: 2 ** 24 }],
    [{ minPixels: 2000.5 }, { field: "minPixels", found: 2000.5 }],
    [{ maxPixels: Number.NaN }, { field: "maxPixels", found: Number.NaN }],
    [{ imageTokens: 0 }, { field: "imageTokens", least: 1, most: 16_384, found: 0 }],
    [{ imageTokens: 16_385 }, { field: "imageTokens", most: 16_384 }],
    [
      { imageTokens: 4, maxPixels: 4096 },
      { field: "imageTokens", found: 4 },
    ],
    [{ maxPixels: "4096" as unknown as number }, { field: "maxPixels", found: "4096" }],
    [
      { minPixels: 4097, maxPixels: 4096 },
      { field: "minPixels", found: 4097, most: 4096 },
    ],
  ])("%j is refused", (budget, details) => {
    expect(() => withPixelBudget(imageProcessor, budget)).toThrow(ocellusError("invalid_request", details));
  });

  it("is refused where every picture has one size, and nothing is asked of it there", () => {
    const fixed: FitProcessor = {
      kind: "fit",
      width: 28,
      height: 28,
      patchSize: 14,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    };
    expect(withPixelBudget(fixed, {})).toBe(fixed);
    for (const field of ["minPixels", "maxPixels"])
      expect(() => withPixelBudget(fixed, { [field]: 4096 })).toThrow(ocellusError("unsupported", { field }));
  });
});
