/** Float32 weights of a packed model under the names of the checkpoint's tensors, also of those that it keeps stacked by rows. */
import { type ExternalLocation, encodeOnnx, type Graph } from "../../core/graph/index.js";
import type { PackedModel } from "../../core/pack/index.js";
import { elementCount, toFloat32 } from "../../core/tensor/index.js";

/** Elements of a stack that are one tensor's. */
interface Place {
  readonly stack: string;
  readonly start: number;
  readonly size: number;
}

export class StoredWeights {
  readonly #files: PackedModel["files"];
  readonly #places = new Map<string, Place>();

  /** @param stored the packed model's graphs, @param unstacked the same in training's form, which has the shape of each tensor */
  constructor({ files }: Pick<PackedModel, "files">, stored: readonly Graph[], unstacked: readonly Graph[]) {
    this.#files = files;
    const shapes = new Map(unstacked.flatMap(({ initializers }) => initializers).map(({ value }) => [value.name, value.shape as number[]])); // biome-ignore format: one thought
    for (const { value, source } of stored.flatMap(({ initializers }) => initializers)) {
      if (!("tensors" in source) || shapes.has(value.name)) continue;
      let start = 0;
      for (const tensor of source.tensors) {
        const size = elementCount(shapes.get(tensor) ?? []);
        this.#places.set(tensor, { stack: value.name, start, size });
        start += size;
      }
    }
  }

  /** A graph over them, to be opened in the packed model's folder. @throws `not_found` for a weight that is not there */
  encode(graph: Graph): Uint8Array {
    return encodeOnnx(graph, (name) => this.#locate(name));
  }

  /** A copy. */
  async read(name: string): Promise<Float32Array> {
    const { stack, start, size } = this.#placeOf(name);
    const bytes = await this.#files.readRange(stack, start, start + size);
    return toFloat32(bytes, this.#files.info(stack)!.dtype).slice();
  }

  #locate(name: string): ExternalLocation {
    const { stack, start } = this.#placeOf(name);
    const { file, offset } = this.#files.locate(stack);
    return { file, offset: offset + start * Float32Array.BYTES_PER_ELEMENT };
  }

  #placeOf(name: string): Place {
    const size = () => elementCount(this.#files.info(name)?.shape ?? []);
    return this.#places.get(name) ?? { stack: name, start: 0, size: size() };
  }
}
