/**
 * Heads over the image encoder of each family, as `ocellus tune head` saves them: tensor names, config and probabilities as
 * transformers' …ForImageClassification has them, by test/golden/classifiers/make_golden.py; and from labelled images to a
 * classifier that the guardrail takes. The largest difference of probabilities measured is 2e-6.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { fileLimits, memberTexts } from "../src/core/base/index.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { createRandom } from "../src/core/engine/index.js";
import { loadClassifier, loadDualEncoder, loadImageEncoder } from "../src/core/runtime/index.js";
import { openClassifier } from "../src/guardrails/detectors/classifier.js";
import type { Subject } from "../src/guardrails/verdict.js";
import { matchByLabel } from "../src/retrieval/index.js";
import { saveHead } from "../src/tune/head/save-head.js";
import { type HeadReport, tuneHead } from "../src/tune/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const goldens = join(repository, "test/golden");

interface Case {
  readonly architecture: string;
  readonly names: readonly string[];
  readonly weight: readonly (readonly number[])[];
  readonly bias: readonly number[];
  readonly image: { readonly width: number; readonly height: number; readonly rgb: string };
  readonly probabilities: readonly number[];
}
const { labels, cases } = JSON.parse(readFileSync(join(goldens, "classifiers/classifiers.json"), "utf8")) as {
  readonly labels: readonly string[];
  readonly cases: Readonly<Record<string, Case>>;
};

const layerOf = ({ weight, bias }: Pick<Case, "weight" | "bias">) => ({
  ...{ weight: Float32Array.from(weight.flat()), bias: Float32Array.from(bias) },
  ...{ inputs: weight[0]!.length, outputs: bias.length },
});
const imageOf = ({ image: { width, height, rgb } }: Case) => ({
  ...{ width, height },
  data: new Uint8Array(Buffer.from(rgb, "base64")),
});

describe.each(Object.entries(cases))("a head over %s", (name, golden) => {
  it("is the class of transformers, tensor by tensor and probability by probability", async () => {
    const into = join(temporaryFolder(), "head");
    const head = { layers: [layerOf(golden)], labels, lineage: {} };
    expect(await saveHead(join(goldens, name), into, head, { force: false })).toBe(golden.architecture);
    const config = JSON.parse(readFileSync(join(into, "config.json"), "utf8"));
    expect(config.architectures).toEqual([golden.architecture]);
    const [given, written] = [join(goldens, name), into].map((folder) =>
      memberTexts(readFileSync(join(folder, "config.json"), "utf8"), fileLimits),
    );
    const own = ["architectures", "dtype", "id2label", "label2id", "problem_type", "torch_dtype", "num_labels"];
    for (const [field, text] of given!) if (!own.includes(field)) expect(written!.get(field)).toBe(text); // 1.0 is not 1
    expect([...(await namesIn(into))].sort()).toEqual(golden.names);
    const classifier = await loadClassifier(into, { weights: "fp32", threads: 1 });
    expect(classifier.notes).toEqual([]);
    expect(classifier.labels).toEqual(labels);
    const found = await classifier.classify(imageOf(golden));
    for (const [i, { probability }] of found.entries()) expect(probability).toBeCloseTo(golden.probabilities[i]!, 5);
    await classifier.close();
  });
});

describe("a head of two layers", () => {
  it("gives the probabilities of PyTorch, by test/golden/ocellus_classifier/make_golden.py", async () => {
    const golden = JSON.parse(readFileSync(join(goldens, "ocellus_classifier/two-layers.json"), "utf8"));
    const into = join(temporaryFolder(), "head");
    const head = { layers: golden.layers.map(layerOf), labels: golden.labels, lineage: {} };
    expect(await saveHead(join(goldens, "vit/gelu"), into, head, { force: false })).toBe("OcellusImageClassifier");
    const classifier = await loadClassifier(into, { weights: "fp32", threads: 1 });
    const found = await classifier.classify(imageOf(golden));
    for (const [i, { probability }] of found.entries()) expect(probability).toBeCloseTo(golden.probabilities[i], 5);
    await classifier.close();
  });
});

async function namesIn(folder: string): Promise<string[]> {
  const bytes = readFileSync(join(folder, "model.safetensors"));
  const length = Number(bytes.readBigUInt64LE(0));
  return Object.keys(JSON.parse(bytes.toString("utf8", 8, 8 + length))).filter((name) => name !== "__metadata__");
}

/** Images of a colour each, with some noise: classes that any encoder tells apart. */
async function drawn(folder: string, colours: Readonly<Record<string, readonly number[]>>, count: number) {
  const noise = createRandom(1);
  for (const [label, colour] of Object.entries(colours)) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let n = 0; n < count; n++) {
      const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => colour[i % 3]! * 0.6 + 100 * noise());
      await sharp(data, { raw: { width: 40, height: 30, channels: 3 } })
        .png()
        .toFile(join(folder, label, `${n}.png`));
    }
  }
  return folder;
}

const colours = { blue: [0, 0, 250], green: [0, 250, 0], red: [250, 0, 0] };

describe("labelled images", () => {
  const encoder = join(goldens, "clip/gelu");
  let data: string;
  let into: string;
  let report: HeadReport;
  beforeAll(async () => {
    data = await drawn(temporaryFolder(), colours, 12);
    into = join(temporaryFolder(), "head");
    report = await tuneHead(data, { encoder, into, threads: 1 });
  });

  it("become a classifier, with a report of how good it is", async () => {
    expect(report.accuracy).toMatchObject({ value: 1, images: 36 });
    expect(report.accuracy.low).toBeLessThan(0.95);
    expect(report.confusion).toEqual([
      [12, 0, 0],
      [0, 12, 0],
      [0, 0, 12],
    ]);
    expect(report.saved).toMatchObject({ architecture: "CLIPForImageClassification" });
    expect(readdirSync(into).sort()).toEqual(
      ["config.json", "model.safetensors", "preprocessor_config.json", "tuning.json"].sort(),
    );
    const lineage = readFileSync(join(into, "tuning.json"), "utf8");
    expect(JSON.parse(lineage)).toMatchObject({
      format: "ocellus-tuning-1",
      base: { digest: report.encoder.digest, modelType: "clip" },
      data: { digest: report.data.digest, images: 36 },
      recipe: report.recipe,
    });
    expect(lineage).not.toContain(".png");
    expect(lineage).not.toContain(data);
    const classifier = await loadClassifier(into, { weights: "fp32", threads: 1 });
    const found = await classifier.classify(join(data, "red", "3.png"));
    expect(found.find(({ label }) => label === "red")!.probability).toBeGreaterThan(0.9);
    await classifier.close();
    await expect(loadDualEncoder(into)).rejects.toThrow(ocellusError("unsupported", { kind: "classifier" }));
  });

  it("become a classifier that guardrails and matches take as it is", async () => {
    const detector = await openClassifier(into, { red: "alarm" });
    const { data: pixels, info } = await sharp(join(data, "red", "5.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, data: new Uint8Array(pixels) };
    const subject = { kind: "image", pixels: async () => image } as unknown as Subject;
    const [found] = await detector.look(subject, new AbortController().signal);
    expect(found).toMatchObject({ category: "alarm", reason: "red" });
    expect(found!.score).toBeGreaterThan(0.9);
    await detector.close?.();
    const classifier = await loadClassifier(into, { weights: "fp32", threads: 1 });
    expect(await matchByLabel(classifier, image, "red")).toMatchObject({ matches: true, by: "label" });
    expect(await matchByLabel(classifier, image, "blue")).toMatchObject({ matches: false });
    const unknown = ocellusError("invalid_request", { param: "text", nearest: expect.arrayContaining(["red"]) });
    await expect(matchByLabel(classifier, image, "rde")).rejects.toThrow(unknown);
    await classifier.close();
  });

  it("are encoded once, and give the same head again", async () => {
    const again = join(temporaryFolder(), "again");
    const second = await tuneHead(data, { encoder, into: again, threads: 1 });
    expect(second.data.cached).toBe(36);
    const [one, other] = [into, again].map((folder) => readFileSync(join(folder, "model.safetensors")));
    expect(one!.equals(other!)).toBe(true);
  });

  it("that are no images are named, or left out where that is wanted", async () => {
    const folder = join(temporaryFolder(), "data");
    cpSync(data, folder, { recursive: true });
    writeFileSync(join(folder, "red", "broken.png"), "no image");
    const target = join(temporaryFolder(), "head");
    const bad = [expect.objectContaining({ origin: join(folder, "red", "broken.png"), code: "invalid_image" })];
    const refused = ocellusError("invalid_request", { reason: "bad_images", bad });
    await expect(tuneHead(folder, { encoder, into: target, threads: 1 })).rejects.toThrow(refused);
    expect(existsSync(target)).toBe(false);
    const left = await tuneHead(folder, { encoder, into: target, threads: 1, skipBad: true });
    expect([left.data.images, left.data.bad]).toEqual([36, bad]);
    await expect(tuneHead(folder, { encoder, into: target })).rejects.toThrow(
      ocellusError("invalid_request", { reason: "exists" }),
    );
    for (const into of [folder, join(folder, ".."), encoder])
      await expect(tuneHead(folder, { encoder, into, force: true })).rejects.toThrow(
        ocellusError("invalid_request", { reason: "holds_source", path: into }),
      );
    expect(existsSync(join(folder, "red", "broken.png"))).toBe(true);
  });

  it("turned by EXIF are images as others", async () => {
    const folder = join(temporaryFolder(), "data");
    cpSync(data, folder, { recursive: true });
    const turned = sharp(join(data, "green", "0.png")).withMetadata({ orientation: 6 });
    await turned.jpeg().toFile(join(folder, "green", "turned.jpg"));
    const found = await tuneHead(folder, { encoder, into: join(temporaryFolder(), "head"), threads: 1 });
    expect(found.data.images).toBe(37);
  });

  it("may have a head of two layers, or one over a model that answers, in a format of our own", async () => {
    const two = join(temporaryFolder(), "two");
    const deep = await tuneHead(data, { encoder, into: two, layers: 2, width: 8, threads: 1 });
    expect([deep.accuracy.value, deep.recipe.width]).toEqual([1, 8]);
    const answering = join(temporaryFolder(), "answering");
    const resampler = join(goldens, "qwen3_vl_resampler/gqa-tied");
    const over = await tuneHead(data, { encoder: resampler, into: answering, threads: 1 });
    for (const [folder, { saved }] of [[two, deep] as const, [answering, over] as const]) {
      expect(saved).toMatchObject({ architecture: "OcellusImageClassifier" });
      const classifier = await loadClassifier(folder, { weights: "fp32", threads: 1 });
      const found = await classifier.classify(join(data, "blue", "1.png"));
      expect(found.toSorted((a, b) => b.probability - a.probability)[0]).toMatchObject({ label: "blue" });
      await classifier.close();
    }
  });
});

describe("a checkpoint of DINOv2 with a head", () => {
  it("is still an encoder of images", async () => {
    const into = join(temporaryFolder(), "head");
    const golden = cases["dinov2/smaller"]!;
    await saveHead(
      join(goldens, "dinov2/smaller"),
      into,
      { layers: [layerOf(golden)], labels, lineage: {} },
      { force: false },
    );
    const [plain, headed] = await Promise.all(
      [join(goldens, "dinov2/smaller"), into].map((folder) =>
        loadImageEncoder(folder, { weights: "fp32", threads: 1 }),
      ),
    );
    expect(await headed!.embedImage(imageOf(golden))).toEqual(await plain!.embedImage(imageOf(golden)));
    await Promise.all([plain!.close(), headed!.close()]);
  });
});
