/** A model's worker that says what it holds, and whose GPU tests can take away. */
import "../../../src/core/runtime/web/model-worker.js";

interface Buffer {
  readonly size: number;
  mapAsync(mode: number, ...range: unknown[]): Promise<void>;
}
interface Scope {
  readonly GPUBuffer?: { readonly prototype: Buffer };
  Worker: new (...given: never[]) => object;
  readonly WebAssembly: { Memory: new (...given: never[]) => { readonly buffer: { readonly byteLength: number } } };
  addEventListener(type: "message", listen: (event: { readonly data: { readonly test?: string } }) => void): void;
  postMessage(message: unknown): void;
}
const scope = globalThis as unknown as Scope;

const memories: InstanceType<Scope["WebAssembly"]["Memory"]>[] = [];
let numThreads = 0;

scope.WebAssembly.Memory = class extends scope.WebAssembly.Memory {
  constructor(...given: never[]) {
    super(...given);
    memories.push(this);
  }
};
scope.Worker = class extends scope.Worker {
  constructor(...given: never[]) {
    super(...given);
    numThreads++;
  }
};

let readBytes = 0;
const gpuBuffer = scope.GPUBuffer?.prototype;
const map = gpuBuffer?.mapAsync;
if (gpuBuffer)
  gpuBuffer.mapAsync = function (this: Buffer, mode, ...range) {
    if (mode === 1) readBytes += this.size; // GPUMapMode.READ
    return map!.call(this, mode, ...range);
  };

scope.addEventListener("message", async ({ data: { test } }) => {
  if (test === "held") {
    const wasmBytes = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    scope.postMessage({ held: { wasmBytes, numThreads, readBytes } });
  }
  if (test === "lose the GPU") {
    const { env } = await import("onnxruntime-web/webgpu");
    ((await env.webgpu.device) as unknown as { destroy(): void }).destroy();
  }
});
