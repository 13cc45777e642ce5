/**
 * How near `estimateMemory` comes: what a process takes more when a graph is opened and run, beside what was estimated.
 * Each measurement is a process of its own. `npm run bench -- memory`
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSlotCache, float32, GraphSession, int32, int64 } from "../src/core/backend/index.js";
import { familyOf, indexPositions } from "../src/core/models/index.js";
import { openPacked, pack, parsePlan, wantedTensors } from "../src/core/pack/index.js";
import { estimateMemory } from "../src/inspect/index.js";
import { writeCheckpoint } from "../src/inspect/unknown-family.testkit.js";

/** Qwen3-VL at the widths of the 2B model, six and four layers deep: 200 M weights in each half. */
const config = {
  model_type: "qwen3_vl",
  image_token_id: 5,
  tie_word_embeddings: true,
  vision_config: {
    ...{ depth: 6, hidden_size: 1152, intermediate_size: 4304, num_heads: 16, out_hidden_size: 2048 },
    ...{ num_position_embeddings: 2304, deepstack_visual_indexes: [1, 3, 5] },
  },
  text_config: {
    ...{ vocab_size: 1000, hidden_size: 2048, intermediate_size: 6144, num_hidden_layers: 4 },
    ...{ num_attention_heads: 16, num_key_value_heads: 8, head_dim: 128, max_position_embeddings: 32_768 },
    rope_parameters: { mrope_section: [24, 20, 20], mrope_interleaved: true },
  },
};

export async function main(args: string[]): Promise<void> {
  if (args[0] === "measure") return measure(args[1]!, args[2] as "vision" | "decoder", Number(args[3]));
  const folder = mkdtempSync(join(tmpdir(), "ocellus-bench-"));
  try {
    await compare(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compare(folder: string): Promise<void> {
  const family = familyOf(config);
  const shapes = Object.fromEntries(wantedTensors(family, family.parseConfig(config)));
  const seeds = new Map(Object.keys(shapes).map((name, i) => [name, i]));
  const value = (name: string, i: number) => (((i + 977 * seeds.get(name)!) * 2_654_435_761) % 1000) / 1000 - 0.5; // equal tensors are shared by the runtime
  const weights = await writeCheckpoint(join(folder, "weights"), shapes, config, value);
  for (const format of ["fp32", "int8", "int4"] as const) {
    const packed = (await pack(weights, { plan: parsePlan(format), into: join(folder, format) })).path;
    for (const side of [256, 512, 1024]) await report(packed, format, "vision", side);
    for (const context of [1024, 4096]) await report(packed, format, "decoder", context);
  }
}

async function report(packed: string, format: string, which: "vision" | "decoder", size: number): Promise<void> {
  const image = { width: size, height: size };
  const estimate = await estimateMemory(packed, which === "vision" ? { image } : { contextTokens: size });
  const estimated =
    which === "vision" ? estimate.vision!.peakBytes : estimate.decoder!.peakBytes + estimate.decoder!.cacheBytes;
  const child = spawnSync(
    process.execPath,
    [...process.execArgv, join(import.meta.dirname, "run.ts"), "memory", "measure", packed, which, String(size)],
    { encoding: "utf8" },
  );
  const { openedBytes, ranBytes } = JSON.parse(child.stdout.trim().split("\n").at(-1)!);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  console.log(
    `${format} ${which} ${size}: open ${megabytes(openedBytes)}; run ${megabytes(ranBytes)}, ` +
      `estimated ${megabytes(estimated)} (×${(estimated / ranBytes).toFixed(2)})`,
  );
}

async function measure(path: string, which: "vision" | "decoder", size: number): Promise<void> {
  const packed = await openPacked(path);
  const started = process.memoryUsage.rss();
  const session = await GraphSession.open(packed.graphPath(which), { device: "cpu" });
  const opened = process.memoryUsage.rss();
  await (which === "vision" ? see(packed, session, size) : read(packed, session, size));
  const most = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ openedBytes: opened - started, ranBytes: most - opened }));
}

type Packed = Awaited<ReturnType<typeof openPacked>>;

async function see({ family, config }: Packed, session: GraphSession, side: number): Promise<void> {
  const grid = { rows: side / 16, columns: side / 16 };
  const shape = [grid.rows * grid.columns, 3 * 2 * 16 * 16] as const;
  const inputs = family.image!.inputs(config, { data: new Float32Array(shape[0] * shape[1]), shape, grid });
  const feeds = Object.entries(inputs).map(([name, input]) => [
    name,
    input.dtype === "f32" ? float32(input.data, input.shape) : int64(input.data, input.shape),
  ]);
  const outputs = ["visual_tokens", ...family.image!.extraOutputs(config)];
  await session.run(Object.fromEntries(feeds), Object.fromEntries(outputs.map((name) => [name, null])));
}

/** A prompt as long as the context, in chunks of 512. */
async function read({ family, config }: Packed, session: GraphSession, context: number): Promise<void> {
  const { hiddenSize } = family.dimensions(config);
  const cache = createSlotCache({ device: "cpu" }, { layers: family.states(config), numSlots: 1, maxLength: context });
  const count = 512;
  const rows = () => float32(new Float32Array(count * hiddenSize), [1, count, hiddenSize]);
  for (let start = 0; start < context; start += count) {
    const { cos, sin } = family.rotary(config, { start, count, positions: indexPositions });
    const angles = [count, cos.length / count];
    const deepstack = Array.from({ length: family.numDeepstack(config) }, (_, n) => [`deepstack.${n}`, rows()]);
    const feeds = {
      ...Object.fromEntries(deepstack),
      ...{ inputs_embeds: rows(), cos: float32(cos, angles), sin: float32(sin, angles) },
      position_ids: int64([...Array(count).keys()], [1, count]),
      ...{ seqlens_k: int32([start + count - 1]), total_sequence_length: int32([start + count], []) },
      logits_rows: int64([count - 1]),
    };
    const room = { length: context, cached: [start], added: [{ slot: 0, position: start, count }] };
    await cache.use({ first: 0, count: 1 }, room, ({ past, outputs }) =>
      session.run({ ...past, ...feeds }, { ...outputs, logits: null }),
    );
  }
}
