/**
 * What the vision graph makes of each picture. The part of it that training does not move runs once a picture; what it gives is kept,
 * within a byte limit, and the part above runs again at each step, forwards and backwards.
 */
import { LRUCache } from "lru-cache";
import { type DeviceTensor, type Feeds, float32, type Graph as OpenGraph } from "../../core/backend/index.js";
import { joinFloats } from "../../core/base/index.js";
import type { Graph } from "../../core/graph/index.js";
import { batchesOf, type PixelValues } from "../../core/image/spec/index.js";
import type { PackedModel } from "../../core/pack/index.js";
import type { PromptImage } from "../../core/processor/index.js";
import { feedsOf } from "../../core/runtime/index.js";
import { gradientOf } from "../../core/train/index.js";
import { pictureKey } from "./rows.js";

/** One view of a picture: its slices are views of their own. */
interface View {
  /** What the trained part reads. */
  readonly feeds: Feeds;
  /** Outputs that training does not move. */
  readonly fixed: ViewOutputs;
}

export interface PictureGraphs {
  /** As it was cut. */
  readonly before?: { readonly graph: Graph; readonly session: OpenGraph } | undefined;
  readonly behind?: { readonly graph: Graph; readonly session: OpenGraph; readonly backward: OpenGraph } | undefined;
}

/** What the decoder reads of one view, by the output's name. */
export type ViewOutputs = Readonly<Record<string, DeviceTensor>>;

interface OutputGradients {
  /** Of the trained part. */
  readonly weights: Feeds;
  /** Of the same weights. */
  readonly outputs: readonly ViewOutputs[];
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

export class Pictures {
  readonly #model: PackedModel;
  readonly #graphs: PictureGraphs;
  readonly #pixels = new Map<string, () => Promise<PixelValues>>();
  readonly #views: LRUCache<string, readonly View[]>;

  /** @param maxBytes of what is kept: a picture that does not fit is read again where it is wanted */
  constructor(model: PackedModel, graphs: PictureGraphs, maxBytes: number) {
    this.#model = model;
    this.#graphs = graphs;
    this.#views = new LRUCache({ maxSize: Math.max(1, maxBytes), sizeCalculation: bytesOfViews });
  }

  get numPictures(): number {
    return this.#pixels.size;
  }

  /**
   * Reads a picture the first time that it is met.
   * @param readAgain reads the picture again where its views do not fit in memory: `image.pixels` may hold all pixels. @throws as `decodeImage`
   */
  async add(image: PromptImage, readAgain: PromptImage["pixels"]): Promise<void> {
    const key = pictureKey(image);
    if (this.#pixels.has(key)) return;
    this.#views.set(key, await this.#read(await image.pixels()));
    this.#pixels.set(key, readAgain);
  }

  /** @param weights of the trained part */
  async outputs(key: string, weights: Feeds): Promise<ViewOutputs[]> {
    const { behind } = this.#graphs;
    const all: ViewOutputs[] = [];
    for (const { feeds, fixed } of await this.#viewsOf(key)) {
      const moved = behind && (await behind.session.run({ ...feeds, ...weights }, wantedOf(behind.graph)));
      all.push({ ...fixed, ...moved });
    }
    return all;
  }

  /**
   * Adds what the gradients of the outputs make of those of the weights.
   * @param gradients of each output, of all views one behind another
   */
  async addGradients(
    key: string,
    { weights, outputs, gradients }: OutputGradients,
    add: (name: string, gradient: Float32Array) => void,
  ): Promise<void> {
    const { behind } = this.#graphs;
    if (!behind) return;
    const names = Object.keys(weights);
    const wanted = Object.fromEntries(names.map((name) => [gradientOf(name), null]));
    const at = new Map<string, number>();
    for (const [i, { feeds }] of (await this.#viewsOf(key)).entries()) {
      const given = behind.graph.outputs.map(({ name }) => {
        const { dims, size } = outputs[i]![name]!;
        const start = at.get(name) ?? 0;
        at.set(name, start + size);
        return [gradientOf(name), float32(gradients[name]!.slice(start, start + size), dims)];
      });
      const results = await behind.backward.run({ ...feeds, ...weights, ...Object.fromEntries(given) }, wanted);
      for (const name of names) add(name, results[gradientOf(name)]!.data as Float32Array);
    }
  }

  async #viewsOf(key: string): Promise<readonly View[]> {
    const known = this.#views.get(key);
    if (known) return known;
    const views = await this.#read(await this.#pixels.get(key)!());
    this.#views.set(key, views);
    return views;
  }

  async #read(pixels: PixelValues): Promise<readonly View[]> {
    const { family, config } = this.#model;
    const views: View[] = [];
    for (const batch of batchesOf(pixels)) views.push(await this.#view(feedsOf(family.image!.inputs(config, batch))));
    return views;
  }

  async #view(host: Feeds): Promise<View> {
    const { before, behind } = this.#graphs;
    const made = before ? await before.session.run(inputsOf(before.graph, host), wantedOf(before.graph)) : {};
    return {
      feeds: behind ? inputsOf(behind.graph, { ...host, ...made }) : {},
      fixed: Object.fromEntries(Object.entries(made).filter(([name]) => isVisualOutput(name))),
    };
  }
}

/** Of the whole vision graph, as far as the decoder reads it. */
export function isVisualOutput(name: string): boolean {
  return name === "visual_tokens" || name.startsWith("deepstack.");
}

function inputsOf({ inputs }: Graph, feeds: Feeds): Feeds {
  return Object.fromEntries(inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));
}

function wantedOf({ outputs }: Graph): Record<string, null> {
  return Object.fromEntries(outputs.map(({ name }) => [name, null]));
}

/** Of all views, one behind another. */
export function joinedOutput(views: readonly ViewOutputs[], name: string): Float32Array {
  return joinFloats(views.map((view) => view[name]!.data as Float32Array));
}

function bytesOfViews(views: readonly View[]): number {
  const arrays = views.flatMap(({ feeds, fixed }) => [
    ...Object.values(feeds).map(({ data }) => data.byteLength),
    ...Object.values(fixed).map(({ data }) => data.byteLength),
  ]);
  return Math.max(1, arrays.reduce((sum, bytes) => sum + bytes, 0)); // biome-ignore format: one thought
}
