/**
 * What zoom on doubt gains: labelled questions about pictures that fill a quarter of a larger, plain image, asked for JSON of one
 * value. Low: the whole image, once; zoom: with the tile that is looked at most, where the first answer is in doubt; high: the
 * picture alone, which no zoom can better. `npm run bench -- zoom [--questions 200] [--threshold 0.9]`, by kind of picture.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeImage } from "../src/core/image/node/index.js";
import type { RgbImage } from "../src/core/image/spec/index.js";
import { type ChatResult, image, loadModel, type VisionLanguageModel } from "../src/core/runtime/index.js";
import { type EvalCase, fieldSchemas, isCorrect, readEvalFiles, wilsonInterval } from "../src/evals/index.js";

const root = join(import.meta.dirname, "..");
const files = { dialogs: "eval/dialog-1.jsonl", "single products": "eval/one-1.jsonl" };
const background = 225;

export async function main(args: string[]): Promise<void> {
  const options = {
    questions: { type: "string", default: "200" },
    threshold: { type: "string", default: "0.9" },
  } as const;
  const { values } = parseArgs({ args, options });
  const model = await loadModel(join(root, "checkpoints/ocellus-tiny"), { weights: "int4" });
  try {
    for (const [name, file] of Object.entries(files)) {
      const schemas = [...fieldSchemas(await readEvalFiles([join(root, file)]))];
      const step = Math.max(1, Math.floor(schemas.length / Number(values.questions)));
      const chosen = schemas.filter((_, i) => i % step === 0).slice(0, Number(values.questions));
      await measure(model, name, chosen, Number(values.threshold));
    }
  } finally {
    await model.close();
  }
}

async function measure(
  model: VisionLanguageModel,
  name: string,
  cases: readonly (readonly [EvalCase, object])[],
  threshold: number,
): Promise<void> {
  const right = { low: 0, zoom: 0, high: 0 };
  const zooms = { asked: 0, rightTile: 0, taken: 0, fixed: 0, broken: 0 };
  const tokens = { low: 0, zoom: 0, high: 0 };
  for (const [i, [found, schema]] of cases.entries()) {
    const picture = await decodeImage(found.image);
    const place = i % 4;
    const small = inQuarter(picture, place);
    const ask = (shown: RgbImage, zoom?: { threshold: number }) =>
      model.answer([{ role: "user", content: [image(shown), found.question] }], {
        ...{ maxTokens: 32, sampling: { temperature: 0 }, fields: true, ...(zoom && { zoom }) },
        responseFormat: { type: "json_schema", schema },
      });
    const answers = { low: await ask(small), zoom: await ask(small, { threshold }), high: await ask(picture) };
    const verdicts = Object.fromEntries(
      Object.entries(answers).map(([how, answer]) => [how, isRight(answer, found)]),
    ) as Record<keyof typeof answers, boolean>;
    for (const how of ["low", "zoom", "high"] as const) {
      right[how] += Number(verdicts[how]);
      tokens[how] += answers[how].usage.promptTokens + answers[how].usage.completionTokens;
    }
    const [zoomed] = answers.zoom.zoomed!;
    if (!zoomed) continue;
    zooms.asked++;
    zooms.rightTile += Number(isQuarter(zoomed.region, picture, place));
    zooms.taken += Number(zoomed.kept === "after");
    zooms.fixed += Number(!verdicts.low && verdicts.zoom);
    zooms.broken += Number(verdicts.low && !verdicts.zoom);
  }
  const share = (how: keyof typeof right) => {
    const { low, high } = wilsonInterval(right[how], cases.length);
    return `${how} ${percent(right[how] / cases.length)} (${percent(low)} to ${percent(high)}), ${(tokens[how] / cases.length).toFixed(0)} tokens`;
  };
  console.log(`${name}, ${cases.length} questions, in doubt below ${threshold}`);
  console.log(`  right: ${share("low")}; ${share("zoom")}; ${share("high")}`);
  console.log(
    `  asked again ${zooms.asked}, of the picture's own quarter ${zooms.rightTile}; second answer kept ${zooms.taken}: ` +
      `${zooms.fixed} put right, ${zooms.broken} made wrong`,
  );
}

function isRight({ text, finishReason }: ChatResult, found: EvalCase): boolean {
  return finishReason === "stop" && isCorrect(String(JSON.parse(text)), found);
}

/** The picture in one quarter of an image of twice its sides. */
function inQuarter({ width, height, data }: RgbImage, place: number): RgbImage {
  const image = { width: 2 * width, height: 2 * height, data: new Uint8Array(12 * width * height).fill(background) };
  const [left, top] = [(place % 2) * width, Math.floor(place / 2) * height];
  for (let y = 0; y < height; y++)
    image.data.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * 2 * width + left) * 3);
  return image;
}

function isQuarter([left, top]: readonly number[], { width, height }: RgbImage, place: number): boolean {
  return left === (place % 2) * width && top === Math.floor(place / 2) * height;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
