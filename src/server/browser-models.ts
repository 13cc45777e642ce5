/**
 * Models that pages may fetch and run themselves: folders that were packed for the web, by the names of the models that they are
 * of, and the runtime that pages run them with.
 */
import { join } from "node:path";
import { OcellusError } from "../core/base/index.js";
import { listFolder } from "../core/fs/index.js";

export interface BrowserModel {
  readonly folder: string;
  /** Of all that a page fetches. */
  readonly bytes: number;
}

/** The files of onnxruntime-web that pages load: with and without WebGPU. */
const runtimeFile = /^\/ort-wasm-simd-threaded(?:\.asyncify)?\.(?:mjs|wasm)$/;

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
  async pathOf(id: string, name: string): Promise<string> {
    const folder = this.#models.get(id)?.folder;
    if (folder !== undefined && (await listFolder(folder)).includes(name)) return join(folder, name);
    throw new OcellusError("not_found", `no model ${id} with a file ${name} is offered to browsers here`, {
      details: { model: id, file: name },
    });
  }
}
