/**
 * What one graphics card does with a model over WebGPU, on a bare Linux machine after `npm ci`: the adapter, the golden fixtures
 * there, and for random weights of published shapes opening, first token, prompts, decode and memory. Each step is a process
 * of its own with a time limit: one that fails or hangs says so, and the rest is still measured.
 *
 *   npm run bench -- gpu [--shapes 2b,8b] [--minutes 10] [--work FOLDER] [--json]
 *
 * It needs a driver and a Vulkan loader (apt-get install libvulkan1), and for 8b 25 GB of disk. `--shapes small` proves the
 * bench over a software driver: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json after apt-get install chromium.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { DeviceStatus } from "../src/core/backend/index.js";
import { type Card, cards } from "./gpu/cards.js";
import { checkFixtures, type FixtureFigures, limited, type StepResult } from "./gpu/limited.js";
import {
  describeDevice,
  type Load,
  type ModelFigures,
  measureModel,
  type PackFigures,
  packAndOpen,
} from "./gpu/steps.js";
import { prepareCheckpoint, type WholeName } from "./support/whole-checkpoint.js";

interface Shape {
  readonly name: WholeName;
  /** The least time that it is begun with: making, packing and opening it on 16 cores takes about as long. */
  readonly leastMinutes: number;
  readonly load: Load;
}

const whole: Load = { side: 448, textTokens: 512, answerTokens: 64, rounds: 3 };
const shapes: Readonly<Record<string, Shape>> = {
  small: { name: "small", leastMinutes: 0.5, load: { side: 256, textTokens: 32, answerTokens: 4, rounds: 1 } },
  "2b": { name: "qwen3_vl-2b", leastMinutes: 2, load: whole },
  "8b": { name: "qwen3_vl-8b", leastMinutes: 4, load: whole },
};

export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      shapes: { type: "string", default: "2b,8b" },
      minutes: { type: "string", default: "10" },
      work: { type: "string", default: join(tmpdir(), "ocellus-bench-gpu") },
      json: { type: "boolean", default: false },
    },
  });
  const { work } = values;
  mkdirSync(work, { recursive: true });
  process.env.OCELLUS_CACHE = join(work, "cache");
  const [step, name] = positionals;
  if (step !== undefined) return printJson(await runStep(step, work, name));

  const names = values.shapes.split(",");
  const unknown = names.find((one) => !(one in shapes));
  if (unknown !== undefined) throw new Error(`no shape ${unknown}; there are ${Object.keys(shapes).join(", ")}`);
  const result = await measureAll(names, work, performance.now() + Number(values.minutes) * 60_000);
  if (values.json) printJson(result);
  if (!result.device.ok || !result.device.figures.works) process.exitCode = 2;
}

/** What a process of its own does; `name` is a key of `shapes`. */
async function runStep(step: string, work: string, name: string | undefined): Promise<object> {
  if (step === "device") return describeDevice();
  const shape = shapes[name!]!;
  if (step === "make") return { path: prepareCheckpoint(work, shape.name) };
  if (step === "pack") return packAndOpen(prepareCheckpoint(work, shape.name));
  return measureModel(prepareCheckpoint(work, shape.name), shape.load, printJson);
}

interface ShapeResult {
  readonly shape: string;
  /** Steps up to the first that failed. */
  readonly make?: StepResult<object>;
  readonly pack?: StepResult<PackFigures>;
  readonly model?: StepResult<ModelFigures>;
  readonly skipped?: string;
}

/** A driver that compiles every shader on the CPU takes minutes for the fixtures; a card takes seconds. */
const fixtureLimitMs = 240_000;
const deviceLimitMs = 60_000;

async function measureAll(names: readonly string[], work: string, end: number) {
  const step = <T>(...words: string[]) =>
    limited<T>("gpu", [...words, "--work", work], Math.max(1, end - performance.now()));
  const found = cards();
  for (const card of found) say("card", describeCard(card));
  const device = await limited<DeviceStatus>("gpu", ["device", "--work", work], deviceLimitMs);
  say("webgpu", device.ok ? device.figures.found : device.why);
  const shapeResults: ShapeResult[] = [];
  if (!device.ok || !device.figures.works) {
    say("", (device.ok && device.figures.fix) || "see docs/devices.md");
    say("", "to try the bench without a card: apt-get install chromium libvulkan1, and set");
    say("", "VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json");
    return { cards: found, device, shapes: shapeResults };
  }
  const fixtures = await checkFixtures(Math.min(fixtureLimitMs, end - performance.now()));
  say("fixtures", describeFixtures(fixtures));
  for (const name of names) {
    const left = end - performance.now();
    const result =
      left < shapes[name]!.leastMinutes * 60_000
        ? { shape: name, skipped: "too little time left" }
        : await measureShape(name, step);
    shapeResults.push(result);
    for (const line of describeShape(result)) say(name, line);
  }
  return { cards: found, device, fixtures, shapes: shapeResults };
}

async function measureShape(
  shape: string,
  step: <T>(...words: string[]) => Promise<StepResult<T>>,
): Promise<ShapeResult> {
  const make = await step<object>("make", shape);
  if (!make.ok) return { shape, make };
  const pack = await step<PackFigures>("pack", shape);
  if (!pack.ok) return { shape, make, pack };
  return { shape, make, pack, model: await step<ModelFigures>("model", shape) };
}

// ----------------------------------------------------------------------------------------------------------- text

/** On the last line. */
function printJson(value: object): void {
  console.log(`\n${JSON.stringify(value)}`);
}

function say(what: string, text: string): void {
  console.log(`${what.padEnd(10)} ${text}`);
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
const seconds = (value: number) => `${value < 1 ? value.toFixed(3) : value.toFixed(1)} s`;

function describeCard({ name, driver, memoryBytes }: Card): string {
  return [name, driver && `driver ${driver}`, memoryBytes && gigabytes(memoryBytes)].filter(Boolean).join(", ");
}

function describeFixtures(result: StepResult<FixtureFigures>): string {
  if (!result.ok) return `not checked: ${result.why}`;
  const { passed, failed, skipped } = result.figures;
  const counts = `${passed} tests passed, ${failed.length} failed, ${skipped} skipped in ${seconds(result.seconds)}`;
  return [counts, ...failed.map((name) => `FAILED: ${name}`)].join("\n           ");
}

function describeShape({ shape, make, pack, model, skipped }: ShapeResult): string[] {
  if (skipped !== undefined) return [skipped];
  const lines = [];
  for (const [name, result] of Object.entries({ make, pack, model }))
    if (result && !result.ok) lines.push(`${name} failed after ${seconds(result.seconds)}: ${result.why}`);
  if (pack?.ok) lines.push(`packed and opened in ${seconds(pack.figures.seconds)}`);
  if (model?.ok) lines.push(...describeModel(model.figures, shapes[shape]!.load));
  if (model?.ok && model.cutOff) lines.push(`the rest is missing: ${model.cutOff}`);
  return lines;
}

function describeModel({ notes, openSeconds, peakBytes, gpuBytes, images, text, ...f }: ModelFigures, load: Load) {
  const lines = [...notes];
  const ofCards = gpuBytes === undefined ? "" : `, on all cards ${gigabytes(gpuBytes)}`;
  lines.push(`open ${seconds(openSeconds)}; peak RSS ${gigabytes(peakBytes)}${ofCards}`);
  if (images)
    lines.push(
      `first token, new image ${load.side}²: ${seconds(images.seconds)}, vision ${seconds(images.visionSeconds)}, ${images.promptTokens} prompt tokens; the first question ${seconds(images.firstSeconds)}; a known image ${seconds(images.knownSeconds)}`,
    );
  if (text)
    lines.push(
      `first token, text of ${text.promptTokens} tokens: ${seconds(text.seconds)}, ${(text.promptTokens / text.seconds).toFixed(0)} tokens/s; decode ${text.tokensPerSecond.toFixed(1)} tokens/s`,
    );
  if (f.eightTokensPerSecond !== undefined) lines.push(`eight at once ${f.eightTokensPerSecond.toFixed(1)} tokens/s`);
  return lines;
}
