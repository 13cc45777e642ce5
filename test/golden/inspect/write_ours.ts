/**
 * A file by our own writer, with every dtype, a scalar, an empty tensor and names of all kinds, for other libraries to read:
 * `npx tsx test/golden/inspect/write_ours.ts` writes ours/model.safetensors, then make_golden.py lists what Python finds in it.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeSafetensors } from "../../../src/core/checkpoint/index.js";
import { byteLength, dtypes, type Tensor } from "../../../src/core/tensor/index.js";

const shapes = [[2, 3], [4], [], [0, 5], [1, 2, 3, 4]] as const;

const ofEveryDtype: Tensor[] = dtypes.map((dtype, i) => {
  const shape = shapes[i % shapes.length]!;
  const bytes = Uint8Array.from({ length: byteLength(dtype, shape) }, (_, at) => (dtype === "bool" ? at % 2 : at * 7));
  return { name: `model.layers.${i}.${dtype}.weight`, dtype, shape, bytes };
});

const named: Tensor[] = ["名字", "a b", 'with "quotes"', "toString"].map((name) => {
  return { name, dtype: "u8", shape: [1], bytes: Uint8Array.of(1) };
});

export async function writeOurs(path: string): Promise<void> {
  await writeSafetensors(path, [...ofEveryDtype, ...named], { format: "pt" });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await writeOurs(join(import.meta.dirname, "ours/model.safetensors"));
