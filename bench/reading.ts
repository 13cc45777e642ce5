/**
 * Text in images: time to open the networks and to read a receipt, a dialog and the receipt as a photo of 12 megapixels, and how long the
 * event loop waits meanwhile at most. `npm run bench -- reading [--threads 2] [--rounds 5] [--against golden.json --images FOLDER]`: with a
 * file as test/golden/ocr/golden.json of other images, how many of its lines are found and read alike.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { type ImageInput, loadTextReader, type TextReader } from "../src/core/runtime/index.js";
import { median } from "./support/median.js";

const root = join(import.meta.dirname, "..");
const receipt = join(root, "test/golden/ocr/receipt.png");

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      threads: { type: "string", default: "2" },
      rounds: { type: "string", default: "5" },
      against: { type: "string" },
      images: { type: "string", default: "." },
    },
  });
  const started = performance.now();
  const reader = await loadTextReader({ threads: Number(values.threads) });
  console.log(`opened in ${(performance.now() - started).toFixed(0)} ms`);
  if (values.against !== undefined) await compare(reader, values.against, values.images);
  else await time(reader, Number(values.rounds));
  await reader.close();
}

async function time(reader: TextReader, rounds: number): Promise<void> {
  const photo = await sharp(receipt).resize(4032, 3024, { fit: "fill" }).jpeg({ quality: 92 }).toBuffer();
  const images: Readonly<Record<string, ImageInput>> = {
    "receipt 760 × 620": receipt,
    "dialog 640 × 448": join(root, "examples/pictures/screen-warning.png"),
    "photo 4032 × 3024": new Uint8Array(photo),
  };
  for (const [name, image] of Object.entries(images)) {
    const { lines } = await reader.read(image); // warm
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = performance.now();
      await reader.read(image);
      times.push(performance.now() - before);
    }
    delay.disable();
    const wait = (delay.max / 1e6).toFixed(0);
    console.log(
      `${name}: ${lines.length} lines, ${median(times).toFixed(0)} ms; longest wait of the event loop ${wait} ms`,
    );
  }
}

interface ReferenceLine {
  readonly quad: readonly (readonly [number, number])[];
  readonly text: string;
  readonly score: number;
}

/** Lines of the reference that are certain: their middles within ten pixels, their texts equal but for spaces. */
async function compare(reader: TextReader, path: string, folder: string): Promise<void> {
  const { images } = JSON.parse(readFileSync(path, "utf8")) as { images: Record<string, readonly ReferenceLine[]> };
  const total = { reference: 0, found: 0, placed: 0, equal: 0 };
  for (const [name, lines] of Object.entries(images)) {
    const certain = lines.filter(({ score }) => score >= 0.5);
    const found = (await reader.read(join(folder, name))).lines;
    total.reference += certain.length;
    total.found += found.length;
    for (const line of certain) {
      const near = found.find(({ quad }) => distance(middle(quad), middle(line.quad)) < 10);
      if (near) total.placed++;
      if (near && plain(near.text) === plain(line.text)) total.equal++;
    }
  }
  console.log(total);
}

const plain = (text: string) => text.replaceAll(" ", "");

function middle(quad: ReferenceLine["quad"]): readonly [number, number] {
  return [quad.reduce((sum, [x]) => sum + x / 4, 0), quad.reduce((sum, [, y]) => sum + y / 4, 0)];
}

function distance([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]): number {
  return Math.hypot(bx - ax, by - ay);
}
