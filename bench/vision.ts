/**
 * The vision encoder of a published shape in each format of its weights, by turns: milliseconds of one image, and against int8 in
 * blocks. What is in the weights does not change the time.
 *
 *   npm run bench -- vision [--model qwen3_vl-2b] [--depth 6] [--grids 28x28,64x64] [--rounds 5]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultThreads, float32, GraphSession, int64 } from "../src/core/backend/index.js";
import { createSafetensorsWriter } from "../src/core/checkpoint/index.js";
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../src/core/graph/index.js";
import { familyOf, type LanguageFamily } from "../src/core/models/index.js";
import { byteLength, describeFormat, fitsW8A8, type WeightFormat } from "../src/core/tensor/index.js";
import { median } from "./support/median.js";
import { type OfficialName, officialConfigs } from "./support/official-configs.js";

const blocks: WeightFormat = { kind: "int8", blockSize: 128 };
const formats: readonly WeightFormat[] = [blocks, { kind: "w8a8" }, { kind: "f32" }];

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: "string", default: "qwen3_vl-2b" },
      depth: { type: "string", default: "6" },
      grids: { type: "string", default: "28x28,64x64" },
      rounds: { type: "string", default: "5" },
    },
  });
  const shape = structuredClone(officialConfigs[values.model as OfficialName]) as { vision_config: { depth: number } };
  shape.vision_config = { ...shape.vision_config, depth: Number(values.depth), deepstack_visual_indexes: [] } as never;
  const family = familyOf(shape) as LanguageFamily;
  const config = family.parseConfig(shape);
  const folder = mkdtempSync(join(tmpdir(), "ocellus-vision-"));
  try {
    const sessions = [];
    for (const format of formats) sessions.push(await open(family, config, format, folder));
    for (const grid of values.grids.split(",")) {
      const [rows, columns] = grid.split("x").map(Number) as [number, number];
      const times: number[][] = formats.map(() => []);
      for (let round = 0; round <= Number(values.rounds); round++) {
        for (const [i, session] of sessions.entries()) {
          const ms = await timed(session, family, config, { rows, columns });
          if (round > 0) times[i]!.push(ms);
        }
      }
      const base = median(times[0]!);
      for (const [i, format] of formats.entries()) {
        const ms = median(times[i]!);
        console.log(
          `${grid} patches  ${describeFormat(format).padEnd(10)} ${ms.toFixed(0).padStart(7)} ms  ${(base / ms).toFixed(2)}×`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function open(family: LanguageFamily, config: unknown, format: WeightFormat, folder: string) {
  const catalog = recordingCatalog((_, columns) => (format.kind === "w8a8" && !fitsW8A8(columns!) ? blocks : format));
  const builder = new GraphBuilder("vision", catalog);
  family.graphs(config).vision!(builder);
  const graph = builder.build();
  const infos = graph.initializers
    .filter(({ source }) => "tensors" in source)
    .map(({ value }) => ({ name: value.name, dtype: value.dtype, shape: value.shape as number[] }));
  const file = `${format.kind}.safetensors`;
  const writer = await createSafetensorsWriter(join(folder, file), infos);
  for (const { dtype, shape } of infos) await writer.write(new Uint8Array(byteLength(dtype, shape)).fill(0x39));
  await writer.finish();
  const path = join(folder, `${format.kind}.onnx`);
  writeFileSync(
    path,
    encodeOnnx(graph, (name) => ({ file, offset: writer.offsetOf(name) })),
  );
  return GraphSession.open(path, { device: "cpu", threads: defaultThreads() });
}

async function timed(
  session: GraphSession,
  family: LanguageFamily,
  config: unknown,
  grid: { rows: number; columns: number },
) {
  const n = grid.rows * grid.columns;
  const values = 3 * 2 * 16 * 16;
  const pixels = { data: new Float32Array(n * values).map((_, i) => Math.sin(i)), shape: [n, values], grid };
  const inputs = family.image!.inputs(config, pixels as never);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      input.dtype === "f32"
        ? float32(input.data as Float32Array, input.shape)
        : int64(input.data as number[], input.shape),
    ]),
  );
  const started = performance.now();
  await session.run(feeds, { visual_tokens: null });
  return performance.now() - started;
}
