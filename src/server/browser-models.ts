/**
 * Models that pages may fetch and run themselves: folders that were packed for the web, by the names of the models that they are
 * of, and the runtime that pages run them with.
 */
import { join } from "node:path";
import { OcellusError } from "../core/base/index.js";

export interface BrowserModel {
  readonly folder: string;
  /** What a page fetches: packed.json and what it lists. The folder may hold more. */
  readonly files: readonly string[];
  /** Of all that a page fetches. */
  readonly bytes: number;
}

/** The files of onnxruntime-web that pages load: script and WebAssembly, each with and without WebGPU. */
const runtimeFile = /^\/(?:ort\.(?:wasm|webgpu)\.min\.mjs|ort-wasm-simd-threaded(?:\.asyncify)?\.(?:mjs|wasm))$/;

export class BrowserModels {
  readonly #models = new Map<string, BrowserModel>();
  /** Of onnxruntime-web. */
  readonly runtimeFolder: string;

  constructor(runtimeFolder: string) {
    this.runtimeFolder = runtimeFolder;
  }

  add(id: string, model: BrowserModel): void {
    this.#models.set(id, model);
  }

  /** Undefined: it is not offered. */
  get(id: string): BrowserModel | undefined {
    return this.#models.get(id);
  }

  isRuntimeFile(path: string): boolean {
    return runtimeFile.test(path);
  }

  /** The path of a file of a model. @throws `not_found`. */
  pathOf(id: string, name: string): string {
    const model = this.#models.get(id);
    if (model?.files.includes(name)) return join(model.folder, name);
    throw new OcellusError("not_found", `no model ${id} with a file ${name} is offered to browsers here`, {
      details: { model: id, file: name },
    });
  }
}
