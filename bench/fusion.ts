/**
 * Is one stacked product faster than several? query/key/value and gate/up of an 8B layer as one MatMulNBits and as
 * separate ones, int4, at one token (decode) and 64 (prefill). The two forms run alternately in one process.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultThreads, float32, GraphSession } from "../src/core/backend/index.js";
import { createSafetensorsWriter } from "../src/core/checkpoint/index.js";
import { encodeOnnx, type Graph, GraphBuilder, recordingCatalog } from "../src/core/graph/index.js";
import { fusedLinear, linear } from "../src/core/nn/index.js";
import { byteLength } from "../src/core/tensor/index.js";

const hidden = 4096;
const groups = {
  "q+k+v": { names: ["q_proj", "k_proj", "v_proj"], sizes: [4096, 1024, 1024] },
  "gate+up": { names: ["w1", "w3"], sizes: [11008, 11008] },
};

function build(form: "fused" | "separate", { names, sizes }: (typeof groups)["q+k+v"], blockSize: 32 | 128): Graph {
  const builder = new GraphBuilder(
    form,
    recordingCatalog(() => ({ kind: "int4", blockSize })),
  );
  const x = builder.input("x", "f32", ["batch", "sequence", hidden]);
  const outputs =
    form === "fused"
      ? fusedLinear(builder.root, names, x, sizes)
      : names.map((name, i) => linear(builder.root, name, x, sizes[i]!));
  for (const [i, output] of outputs.entries()) builder.output(names[i]!, output);
  return builder.build();
}

/** The graph over weights that are all the same code: what is in them does not change the time. */
async function open(graph: Graph, folder: string): Promise<GraphSession> {
  const infos = graph.initializers
    .filter(({ source }) => "tensors" in source)
    .map(({ value }) => ({ name: value.name, dtype: value.dtype, shape: value.shape as number[] }));
  const file = `${graph.name}.safetensors`;
  const writer = await createSafetensorsWriter(join(folder, file), infos);
  for (const { dtype, shape } of infos) await writer.write(new Uint8Array(byteLength(dtype, shape)).fill(0x39));
  await writer.finish();
  const path = join(folder, `${graph.name}.onnx`);
  writeFileSync(
    path,
    encodeOnnx(graph, (name) => ({ file, offset: writer.offsetOf(name) })),
  );
  return GraphSession.open(path, { device: "cpu", threads: defaultThreads() });
}

async function timeOnce(session: GraphSession, tokens: number, names: readonly string[]): Promise<number> {
  const feeds = { x: float32(new Float32Array(tokens * hidden).fill(0.1), [1, tokens, hidden]) };
  const started = performance.now();
  await session.run(feeds, Object.fromEntries(names.map((name) => [name, null])));
  return performance.now() - started;
}

export async function main(): Promise<void> {
  console.log("products         block  tokens   separate     fused   separate/fused");
  for (const [label, group] of Object.entries(groups)) {
    for (const blockSize of [32, 128] as const) {
      const folder = mkdtempSync(join(tmpdir(), "ocellus-fusion-"));
      const separate = await open(build("separate", group, blockSize), folder);
      const fused = await open(build("fused", group, blockSize), folder);
      for (const tokens of [1, 64]) {
        const times = { separate: [] as number[], fused: [] as number[] };
        for (let i = 0; i < (tokens === 1 ? 60 : 15); i++) {
          times.separate.push(await timeOnce(separate, tokens, group.names));
          times.fused.push(await timeOnce(fused, tokens, group.names));
        }
        const [a, b] = [times.separate, times.fused].map(
          (list) => list.sort((x, y) => x - y)[Math.floor(list.length / 2)]!,
        );
        console.log(
          `${label.padEnd(15)}${String(blockSize).padStart(7)}${String(tokens).padStart(8)}${`${a!.toFixed(2)} ms`.padStart(11)}` +
            `${`${b!.toFixed(2)} ms`.padStart(10)}${(a! / b!).toFixed(2).padStart(17)}`,
        );
      }
      await separate.close();
      await fused.close();
      rmSync(folder, { recursive: true });
    }
  }
}
