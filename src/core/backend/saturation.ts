/**
 * Whether this processor's products of uint8 and int8 lose their top: without VNNI, x86 kernels add two products in 16 bits, which
 * saturate at 32,767. Found by one product that is beyond that, not by the processor's name. ONNX Runtime can widen weights
 * instead (`session.x64quantprecision`), which takes four times as long where it is not needed.
 */
import { encodeOnnx, GraphBuilder, recordingCatalog } from "../graph/index.js";
import { bytesOf } from "../tensor/index.js";
import { createSession, Tensor } from "./onnxruntime.node.js";

const depth = 64;
const columns = 16;
/** 255 · 127 · 64, before the zero point of 128 is taken off: 127 · 127 · 64. */
const expected = 127 * 127 * depth;

let trial: Promise<boolean> | undefined;

/** Tried once in a process or thread. */
export function sumsSaturate(): Promise<boolean> {
  trial ??= multiply();
  return trial;
}

async function multiply(): Promise<boolean> {
  const builder = new GraphBuilder(
    "product",
    recordingCatalog(() => ({ kind: "f32" })),
  );
  fill(builder);
  const model = encodeOnnx(builder.build(), () => ({ file: "", offset: 0 }));
  const session = await createSession(model, { executionProviders: ["cpu"], intraOpNumThreads: 1 });
  const x = new Tensor("float32", new Float32Array(2 * depth).fill(127), [2, depth]);
  const { y } = await session.run({ x }, { y: null });
  await session.release();
  return (y!.data as Float32Array).some((value) => value !== expected);
}

/** y [2, columns] of x [2, depth], rounded to codes in steps of one, by a matrix of 127. */
function fill(builder: GraphBuilder): void {
  const { root } = builder;
  const zero = root.constant("zero", "u8", [], Uint8Array.of(128));
  const one = root.float32(1);
  const codes = root.op("QuantizeLinear", [builder.input("x", "f32", [2, depth]), one, zero]);
  const matrix = root.constant("matrix", "i8", [depth, columns], new Uint8Array(depth * columns).fill(127));
  const scales = root.constant("scales", "f32", [columns], bytesOf(new Float32Array(columns).fill(1)));
  builder.output("y", root.op("MatMulIntegerToFloat", [codes, matrix, one, scales, zero]));
}
