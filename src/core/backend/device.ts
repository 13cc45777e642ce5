/** Where a graph can run. Only this room imports ONNX Runtime; the names of its providers stay in here. In a browser "cpu" is WebAssembly. */
export type Device = "cpu" | "webgpu" | "cuda";
