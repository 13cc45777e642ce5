/**
 * `tune vision` on small random checkpoints of our families and on the demo model: gradients against finite differences of the loss,
 * kill -9, what is written against what was trained, and bad data.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { openCheckpoint } from "../src/core/checkpoint/index.js";
import { createRandom } from "../src/core/engine/index.js";
import { encodePng } from "../src/core/image/node/index.js";
import { familyOf } from "../src/core/models/index.js";
import { withAdapter } from "../src/core/pack/index.js";
import { openAdapter } from "../src/core/runtime/index.js";
import { toFloat32 } from "../src/core/tensor/index.js";
import { openRegistry } from "../src/rollout/registry.testkit.js";
import { type TuneVisionOptions, tuneVision } from "../src/tune/index.js";
import type { TuneRow } from "../src/tune/vision/rows.js";
import { type Run, withRun } from "../src/tune/vision/run.js";
import type { Values } from "../src/tune/vision/tuned-model.js";
import { ocellusCommand } from "./support/command.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { generatedImage } from "./support/generated-images.js";

const folder = temporaryFolder();
vi.stubEnv("OCELLUS_CACHE", join(folder, "cache"));

const whole = (family: string) => join(repository, "test/golden/whole", family);

let numFiles = 0;
const newPath = (suffix = "") => join(folder, `${numFiles++}${suffix}`);

/** Pictures with two questions each, or as many questions without one. */
async function dataFile(hasImages: boolean, count = 6): Promise<string> {
  const lines = [];
  for (let n = 0; n < count; n++) {
    const questions = [
      { question: "What is it?", answer: n % 2 ? "a dog" : "a red cat" },
      { question: "And now?", answer: "it is red" },
    ];
    if (!hasImages) lines.push({ questions });
    else {
      const { width, height, data } = generatedImage(n + 1);
      const image = newPath(".png");
      await writeFile(image, await encodePng({ width, height, data }));
      lines.push({ image, questions });
    }
  }
  const path = newPath(".jsonl");
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return path;
}

const lora = { rank: 2, alpha: 4, targets: ["all-linear"] };
const seeing = { blocks: 1, connector: true, lora };

const own = { batchSize: 3, epochs: 2, learningRate: 1e-2, heldOut: 0.2, threads: 1 };

async function optionsFor(hasImages: boolean, more: Partial<TuneVisionOptions> = {}): Promise<TuneVisionOptions> {
  const data = more.data ?? [await dataFile(hasImages)];
  return { output: newPath(), ...(hasImages ? seeing : { lora }), ...own, ...more, data };
}

const valuesOf = ({ parts }: Pick<Run, "parts">) =>
  new Map(parts.trained.map((each) => [each.parameter.name, each.values]));

describe.each([
  ["llama", false],
  ["qwen3", false],
  ["qwen2_vl", true],
  ["qwen3_vl", true],
  ["idefics3", true],
  ["internvl", true],
  ["minicpmv", true],
])("%s", (family, hasImages) => {
  it("has the gradients that its losses have, of all parts together", async () => {
    const options = await optionsFor(hasImages, { data: [await dataFile(hasImages, 3)] });
    await withRun(whole(family), options, async ({ parts }) => {
      const random = createRandom(7);
      const values = valuesOf({ parts });
      const direction = new Map([...values].map(([name, v]) => [name, v.map(() => random() - 0.5)]));
      for (const { parameter, values: own } of parts.trained)
        if (parameter.part === "lora") for (let i = 0; i < own.length; i++) own[i]! += 0.1 * (random() - 0.5); // B is zero at first
      const rows = parts.rows.slice(0, 4);
      const { gradients, loss } = await parts.model.gradients(rows, values, 1);
      expect([...gradients.keys()].sort()).toEqual([...values.keys()].sort());
      expect(await parts.model.loss(rows, values)).toBeCloseTo(loss, 3);
      if (family === "qwen3_vl") await expectSameInPieces({ ...options, gradientCheckpointing: true }, rows, values, gradients); // biome-ignore format: one thought
      const along = (step: number) => new Map([...values].map(([name, v]) => [name, v.map((x, i) => x + step * direction.get(name)![i]!)])); // biome-ignore format: one thought
      const expected = [...gradients].reduce((sum, [name, g]) => g.reduce((s, x, i) => s + x * direction.get(name)![i]!, sum), 0); // biome-ignore format: one thought
      const step = 2e-3;
      const found = ((await parts.model.loss(rows, along(step))) - (await parts.model.loss(rows, along(-step)))) / (2 * step); // biome-ignore format: one thought
      expect(Math.abs(found - expected)).toBeLessThan(0.03 * Math.max(1, Math.abs(expected)));
    });
  });
});

/** DeepStack's inputs stand in later blocks. */
async function expectSameInPieces(
  options: TuneVisionOptions,
  rows: readonly TuneRow[],
  values: Values,
  expected: Values,
): Promise<void> {
  await withRun(whole("qwen3_vl"), options, async ({ parts }) => {
    const { gradients } = await parts.model.gradients(rows, values, 1);
    expect([...gradients.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, gradient] of gradients) {
      const most = expected.get(name)!.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-3);
      expect(
        gradient.every((g, i) => Math.abs(g - expected.get(name)![i]!) < 1e-4 * most),
        name,
      ).toBe(true);
    }
  });
}

describe("what is read", () => {
  it("of pictures that do not fit into memory is their files, again", async () => {
    const options = await optionsFor(true, { maxPictureBytes: 1 });
    await withRun(whole("qwen2_vl"), options, async ({ parts }) => {
      const values = valuesOf({ parts });
      const rows = parts.rows.filter(({ images }) => images.length > 0).slice(0, 1);
      const loss = await parts.model.loss(rows, values);
      expect(await parts.model.loss(rows, values)).toBe(loss);
      const lines = (await readFile(options.data[0]!, "utf8")).trim().split("\n");
      for (const line of lines) await rm(JSON.parse(line).image);
      await expect(parts.model.loss(rows, values)).rejects.toThrow(ocellusError("not_found"));
    });
  });

  it("again so that the model does not forget is nothing that is held out, and is held out with it", async () => {
    const options = await optionsFor(true);
    await withRun(whole("qwen2_vl"), { ...options, rehearse: options.data }, async ({ plan }) => {
      expect(plan.numRehearsed).toBe(plan.numExamples);
      expect(plan.numRehearsedHeldOut).toBe(plan.numHeldOut);
    });
  });
});

describe("what is written", () => {
  it("is a checkpoint that has what was trained, and says what it was made from", async () => {
    const options = await optionsFor(true);
    const base = newPath();
    await cp(whole("qwen2_vl"), base, { recursive: true });
    await writeFile(join(base, "familiarity.json"), '{"version": 1}');
    await writeFile(join(base, "confidence.json"), '{"version": 1, "temperatures": {}}');
    const result = await tuneVision(base, options);
    expect(await readdir(result.folder)).not.toContain("familiarity.json"); // measured of the base
    expect(await readdir(result.folder)).not.toContain("confidence.json");
    expect(await readdir(result.folder)).toContain("tokenizer.json");
    expect(existsSync(`${options.output}.training`)).toBe(false);
    const best = Math.min(...result.evaluations.map(({ loss }) => loss));
    expect(best).toBeLessThan(result.evaluations[0]!.loss);
    const again = { ...options, output: newPath() };
    await withRun(result.folder, again, async ({ parts }) => {
      const values = valuesOf({ parts });
      const numTokens = parts.heldOut.reduce((sum, { ids, answerStart }) => sum + ids.length - answerStart, 0);
      expect((await parts.model.loss(parts.heldOut, values)) / numTokens).toBeCloseTo(best, 1); // LoRA's B is zero; rounded
    });
    const record = JSON.parse(await readFile(join(result.folder, "tuning.json"), "utf8"));
    expect(record).toMatchObject({
      base: { model_type: "qwen2_vl", digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      data: { digest: expect.stringMatching(/^[0-9a-f]{64}$/), examples: 10, held_out: 2 },
      recipe: { blocks: 1, connector: true },
    });
    const about = { family: "qwen2_vl", quantization: "f32", createdBy: "test", tag: "tuned-v1.0.0" };
    const { lineage } = await (await openRegistry()).publish(result.folder, about);
    expect(lineage).toEqual({ base: record.base.digest, data: record.data.digest, recipe: record.recipe });
    await expect(tuneVision(whole("qwen2_vl"), options)).rejects.toThrow(ocellusError("invalid_request", { field: "output" })); // biome-ignore format: one thought
  });

  it("as an adapter makes the weights that the merged checkpoint has", async () => {
    const options = await optionsFor(false);
    const merged = await tuneVision(whole("qwen3"), options);
    const { folder: path } = await tuneVision(whole("qwen3"), { ...options, output: newPath(), form: "adapter" });
    const config = JSON.parse(await readFile(join(path, "adapter_config.json"), "utf8"));
    expect(config.base_model_name_or_path).toBe("qwen3"); // no path of this machine
    const adapter = await openAdapter(path);
    const [base, expected] = [await openCheckpoint(whole("qwen3")), await openCheckpoint(merged.folder)];
    const found = await withAdapter(base, adapter);
    const { parts } = familyOf(await base.readJson("config.json"));
    for (const name of expected.names()) {
      const [a, b] = await Promise.all([found.read(name), expected.read(name)]);
      const [x, y] = [toFloat32(a.bytes, a.dtype), toFloat32(b.bytes, b.dtype)];
      const apart = x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i]!)), 0);
      expect(apart, `${name} (${parts(name)})`).toBeLessThan(b.dtype === "f32" ? 1e-6 : 1e-2);
    }
    await Promise.all([base.close(), expected.close(), adapter.close()]);
  });
});

it("a run that is killed comes to the same weights when its command is given again", { timeout: 120_000 }, async () => {
  const data = await dataFile(true);
  const [first, second] = [newPath(), newPath()];
  const targets = ["q_proj", "v_proj"];
  const same = { data: [data], blocks: 1, lora: { rank: 2, alpha: 4, targets }, epochs: 3, batchSize: 2, evaluateEvery: 2, threads: 1 }; // biome-ignore format: as the command
  await tuneVision(whole("qwen2_vl"), { ...same, output: first });
  const command = ocellusCommand(
    ...["tune", "vision", whole("qwen2_vl"), "--data", data, "--blocks", "1", "--lora", "2", "-o", second],
    ...["--epochs", "3", "--batch-size", "2", "--threads", "1", "--evaluate-every", "2", "--no-eval", "--json"],
  );
  const child = spawn(...command, { stdio: "ignore" });
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const state = join(`${second}.training`, "state.safetensors");
  while (!existsSync(state) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill("SIGKILL");
  await exit;
  expect(existsSync(second)).toBe(false);
  const { step } = await tuneVision(whole("qwen2_vl"), { ...same, output: second }); // the library continues the command
  expect(step).toBeGreaterThan(0);
  const [a, b] = await Promise.all([first, second].map((path) => readFile(join(path, "model.safetensors"))));
  expect(b!.equals(a!)).toBe(true);
});

describe("bad data", () => {
  async function refusal(line: object, more: Partial<TuneVisionOptions> = {}): Promise<unknown> {
    const path = newPath(".jsonl");
    await writeFile(path, `${JSON.stringify(line)}\n`);
    const options = await optionsFor(true, { ...more, data: [path, await dataFile(false, 1)] });
    const failed = tuneVision(whole("qwen2_vl"), options);
    const error = await failed.catch((found: unknown) => found);
    expect(existsSync(options.output)).toBe(false);
    return error;
  }

  it("is refused with its line: a corrupt image, an answer beyond the context, a token that forges a turn", async () => {
    const corrupt = newPath(".png");
    await writeFile(corrupt, "no image");
    const questions = [{ question: "What?", answer: "a dog" }];
    const origin = expect.stringMatching(/:1$/);
    expect(await refusal({ image: corrupt, questions })).toEqual(ocellusError("invalid_image", { origin }));
    const long = { question: "What?", answer: "a dog ".repeat(20_000) };
    expect(await refusal({ questions: [long] })).toEqual(ocellusError("too_large", { origin }));
    const forged = { question: "What? <|im_end|>", answer: "a dog" };
    expect(await refusal({ questions: [forged] })).toEqual(ocellusError("invalid_request", { origin }));
  });

  it("of parts that the model does not have is refused by the option", async () => {
    const line = { questions: [{ question: "What?", answer: "a dog" }] };
    expect(await refusal(line, { blocks: 99 })).toEqual(ocellusError("invalid_request", { field: "blocks" }));
    const unknown = { lora: { ...lora, targets: ["q"] } };
    expect(await refusal(line, unknown)).toEqual(ocellusError("invalid_request", { field: "lora-targets" }));
    expect(await refusal(line, { form: "adapter" })).toEqual(ocellusError("invalid_request", { field: "form" }));
    const text = tuneVision(whole("qwen3"), await optionsFor(false, { blocks: 1 }));
    await expect(text).rejects.toThrow(ocellusError("invalid_request", { field: "blocks" }));
  });
});
