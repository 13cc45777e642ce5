/**
 * `npm run random-checkpoint -- NAME FOLDER [--layers N] [--vision-layers N]`: a checkpoint of random bf16 weights in the shapes and shards of a
 * published model, for memory and speed at full size where no model can be downloaded. NAME is one of the list, which gets the real
 * Qwen3 tokenizer, or a folder with the config, tokenizer and processor files of any supported family.
 */
import { copyFileSync, existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type OfficialName, officialConfigs } from "../bench/support/official-configs.js";
import { tensorsOf, writeRandomCheckpoint, writeTokenizerFiles } from "../bench/support/random-checkpoint.js";
import { listSideFiles } from "../src/core/fs/index.js";
import { byteLength } from "../src/core/tensor/index.js";

type Json = Record<string, unknown>;

const usage = `usage: npm run random-checkpoint -- NAME FOLDER [--layers N] [--vision-layers N]
names: a folder with a config.json, ${Object.keys(officialConfigs).join(", ")}`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { layers: { type: "string" }, "vision-layers": { type: "string" } },
});
const [name, folder] = positionals;
const isFolder = name !== undefined && existsSync(join(name, "config.json"));
const whole = (isFolder ? readJson(join(name, "config.json")) : officialConfigs[name as OfficialName]) as
  | Json
  | undefined;
if (!whole || !folder) fail(usage);
if (existsSync(folder)) fail(`${folder} exists; name a new folder`);

const config = shortened(whole, values.layers, values["vision-layers"]);
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
if (isFolder) await copySideFiles(name, folder);
else writeTokenizerFiles(folder);
const seconds = (performance.now() - started) / 1000;
console.error(`\r${folder}: ${gigabytes(neededBytes)} in ${seconds.toFixed(0)} s`);

/** With fewer layers: of the decoder, whose fields stand in a part of their own or not, and of the vision encoder. */
function shortened(json: Json, layers: string | undefined, visionLayers: string | undefined): Json {
  const text = (json.text_config ?? json) as Json;
  const short = layers === undefined ? text : withDepth(text, "num_hidden_layers", Number(layers));
  const config = json.text_config ? { ...json, text_config: short } : short;
  const vision = json.vision_config as Json | undefined;
  if (!vision || visionLayers === undefined) return config;
  const field = "depth" in vision ? "depth" : "num_hidden_layers";
  return { ...config, vision_config: withDepth(vision, field, Number(visionLayers)) };
}

/** Lists of a kind a layer are cut; DeepStack taps stay where they were, in proportion. */
function withDepth(section: Json, field: string, depth: number): Json {
  const { layer_types: types, deepstack_visual_indexes: taps } = section as { layer_types?: unknown[] } & {
    deepstack_visual_indexes?: number[];
  };
  const moved = taps?.map((layer) => Math.floor((layer * depth) / (section[field] as number)));
  return {
    ...section,
    [field]: depth,
    ...(types && { layer_types: types.slice(0, depth) }),
    ...(moved && { deepstack_visual_indexes: moved }),
  };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

async function copySideFiles(from: string, to: string): Promise<void> {
  for (const file of await listSideFiles(from))
    if (file !== "config.json") copyFileSync(join(from, file), join(to, file));
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
