import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../../core/base/temporary-folder.testkit.js";
import { defaultRecipe, recipeOf } from "./recipe.js";
import type { TuneRow } from "./rows.js";
import { loadState, untrained } from "./state.js";
import { Training, type TrainingParts } from "./training.js";
import type { Values } from "./tuned-model.js";

const root = temporaryFolder();
const row = (answer: number, origin = "f:1"): TuneRow => ({
  ...{ ids: [0, answer, 1], answerStart: 1, images: [], positions: { axes: [], delta: 0 }, origin },
});

/** Σ (w - answer)² over the rows' tokens, of one weight: what is learnt is the mean of the answers. */
const model: TrainingParts["model"] = {
  loss: async (rows, values) => sum(rows, values, (w, answer) => (w - answer) ** 2),
  gradients: async (rows, values, weight) => ({
    loss: weight * sum(rows, values, (w, answer) => (w - answer) ** 2),
    gradients: new Map([["w", Float32Array.of(weight * sum(rows, values, (w, answer) => 2 * (w - answer)))]]),
  }),
};

function sum(rows: readonly TuneRow[], values: Values, of: (w: number, answer: number) => number): number {
  return rows.reduce((total, { ids }) => total + 2 * of(values.get("w")![0]!, ids[1]!), 0);
}

const parameter = { name: "w", part: "lora", shape: [1], decays: false, tensors: [] } as const;

let numFolders = 0;
function partsOf(changes: Partial<TrainingParts> = {}): TrainingParts {
  return {
    model,
    recipe: { ...defaultRecipe, blocks: 1, epochs: 4, batchSize: 2, learningRate: 0.3, patience: 1000 },
    ...{
      rows: [row(1), row(2), row(3), row(4), row(5)],
      numNew: 5,
      heldOut: [row(3)],
      rehearsedHeldOut: [],
      digest: "d",
      saveSeconds: 60,
    },
    trained: [untrained(parameter, Float32Array.of(0))],
    folder: join(root, String(numFolders++)),
    ...changes,
  };
}

describe("training", () => {
  it("lowers the held-out loss, and keeps the best values", async () => {
    const parts = partsOf();
    const { evaluations, bestStep } = await new Training(parts).run();
    const best = Math.min(...evaluations.map(({ loss }) => loss));
    expect(best).toBeLessThan(evaluations[0]!.loss);
    expect(evaluations.find(({ loss }) => loss === best)!.step).toBe(bestStep);
    expect((parts.trained[0]!.best[0]! - 3) ** 2).toBeCloseTo(best, 5);
  });

  it("comes to the same numbers when it is interrupted after any update and continued", async () => {
    const whole = partsOf();
    const expected = await new Training(whole).run();
    for (let stop = 0; stop < expected.step; stop++) {
      const controller = new AbortController();
      const onProgress = ({ step }: { readonly step: number }) => step === stop && controller.abort();
      const first = partsOf({ signal: controller.signal, onProgress });
      await expect(new Training(first).run()).rejects.toThrow(ocellusError("aborted", { step: stop }));
      const again = partsOf({ folder: first.folder });
      const found = await loadState(first.folder, again.trained, "d");
      const { evaluations } = await new Training(again, found).run();
      expect(evaluations).toEqual(expected.evaluations);
      expect(again.trained).toEqual(whole.trained);
    }
  });

  it("makes the same update of a batch that is read in parts", async () => {
    const wide = partsOf({ recipe: { ...partsOf().recipe, batchSize: 4, accumulate: 1 } });
    const narrow = partsOf({ recipe: { ...partsOf().recipe, batchSize: 2, accumulate: 2 } });
    await new Training(wide).run();
    await new Training(narrow).run();
    expect(narrow.trained[0]!.values[0]).toBeCloseTo(wide.trained[0]!.values[0]!, 5);
  });

  it("keeps the values at which new and rehearsed together lose least", async () => {
    const rehearsedHeldOut = [row(1)];
    const parts = partsOf({ rehearsedHeldOut, recipe: { ...partsOf().recipe, evaluateEvery: 1 } });
    const { evaluations, bestStep } = await new Training(parts).run();
    const totals = evaluations.map(({ loss, rehearsed }) => loss + rehearsed!);
    expect(evaluations[totals.indexOf(Math.min(...totals))]!.step).toBe(bestStep);
    expect(parts.trained[0]!.best[0]).toBeCloseTo(2, 0); // between 3, which is held out, and 1
  });

  it("ends when the held-out loss falls no more", async () => {
    const recipe = { ...partsOf().recipe, patience: 2, epochs: 50, heldOut: 0.5 };
    const { step, bestStep, stoppedEarly } = await new Training(partsOf({ recipe, heldOut: [row(0)] })).run();
    expect([bestStep, stoppedEarly]).toEqual([0, true]);
    expect(step).toBe(2 * 3);
  });

  it("stops at a loss that is no number, and saves the values of before", async () => {
    let numCalls = 0;
    const broken: TrainingParts["model"] = {
      loss: model.loss,
      gradients: async (rows, values, weight) => {
        const found = await model.gradients(rows, values, weight);
        return ++numCalls === 4 ? { ...found, loss: Number.NaN } : found;
      },
    };
    const parts = partsOf({ model: broken });
    await expect(new Training(parts).run()).rejects.toThrow(
      ocellusError("invalid_request", { step: 3, loss: "NaN", path: parts.folder }),
    );
    const kept = [untrained(parameter, Float32Array.of(0))];
    expect((await loadState(parts.folder, kept, "d"))!.step).toBe(3);
    expect(kept[0]!.values).toEqual(parts.trained[0]!.values);
    expect(Number.isFinite(kept[0]!.values[0])).toBe(true);
  });

  it("saves nothing into a place that cannot be written, and says so", async () => {
    const file = join(root, "a-file");
    await writeFile(file, "");
    await expect(new Training(partsOf({ folder: join(file, "state") })).run()).rejects.toThrow(ocellusError("io"));
  });
});

describe("a saved state", () => {
  it("is refused by another recipe, and when it is damaged; without one there is nothing to continue", async () => {
    const parts = partsOf();
    expect(await loadState(parts.folder, parts.trained, "d")).toBeUndefined();
    await new Training(parts).run();
    await expect(loadState(parts.folder, parts.trained, "other")).rejects.toThrow(
      ocellusError("invalid_request", { expected: "other", found: "d" }),
    );
    const longer = [untrained({ ...parameter, shape: [2] }, new Float32Array(2))];
    await expect(loadState(parts.folder, longer, "d")).rejects.toThrow(ocellusError("invalid_file"));
    const path = join(parts.folder, "state.safetensors");
    const bytes = await readFile(path);
    const cut = join(root, "cut");
    await mkdir(cut);
    await writeFile(join(cut, "state.safetensors"), bytes.subarray(0, bytes.length - 3));
    await expect(loadState(cut, parts.trained, "d")).rejects.toThrow(ocellusError("invalid_file"));
  });
});

describe("a recipe", () => {
  it.each([
    [{ blocks: 0 }, "blocks"],
    [{ blocks: 1.5 }, "blocks"],
    [{ blocks: 1, learningRate: Number.NaN }, "learningRate"],
    [{ blocks: 1, heldOut: 0 }, "heldOut"],
    [{ blocks: 1, seed: -1 }, "seed"],
    [{ lora: { rank: 0, alpha: 1, targets: [] } }, "lora"],
    [{ lora: { rank: 1, alpha: 0, targets: [] } }, "lora-alpha"],
  ])("%j is refused by its field", (options, field) => {
    expect(() => recipeOf(options)).toThrow(ocellusError("invalid_request", { field }));
  });
});
