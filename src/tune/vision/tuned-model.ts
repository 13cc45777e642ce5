/**
 * A model whose chosen parts are inputs of its graphs: the loss of some questions, and its gradients. All other weights are mapped
 * from the packed model in float32 and shared by the graphs.
 *
 *   pictures ─ frozen part, once ─→ kept ─ trained part ─→ visual tokens ─┐
 *   ids ─ embeddings, visual tokens in their places ─→ decoder ─→ loss ←──┘   and back the same way
 */
import { type Feeds, float32, int64, type Graph as OpenGraph } from "../../core/backend/index.js";
import type { Keep } from "../../core/base/index.js";
import { numRows } from "../../core/models/index.js";
import type { PackedModel } from "../../core/pack/index.js";
import type { PromptImage } from "../../core/processor/index.js";
import { placed, tokenInputs } from "../../core/runtime/index.js";
import { gradientOf, lossInputs, lossOutputs, openInPieces } from "../../core/train/index.js";
import type { TunedGraphs } from "./graphs.js";
import type { Parameter } from "./parameters.js";
import { joinedOutput, Pictures, type ViewOutputs } from "./pictures.js";
import { numAnswerTokens, type TuneRow } from "./rows.js";

/** By parameter. */
export type Values = ReadonlyMap<string, Float32Array>;

export interface Gradients {
  /** Weighted sum over the answers' tokens. */
  readonly loss: number;
  readonly gradients: Map<string, Float32Array>;
}

interface Batch {
  readonly feeds: Feeds;
  /** Tokens of the longest row. */
  readonly length: number;
}

interface Decoder {
  readonly forward: OpenGraph;
  readonly backward: Pick<OpenGraph, "run">;
}

interface Opening {
  /** A graph over the packed model's weights; `freesMemory` as of a session. */
  readonly open: (graph: TunedGraphs["forward"], freesMemory?: boolean) => Promise<OpenGraph>;
  readonly maxPictureBytes: number;
  readonly gradientCheckpointing: boolean;
}

export class TunedModel {
  readonly #model: PackedModel;
  readonly #graphs: TunedGraphs;
  readonly #decoder: Decoder;
  readonly #pictures: Pictures;

  private constructor(model: PackedModel, graphs: TunedGraphs, decoder: Decoder, pictures: Pictures) {
    this.#model = model;
    this.#graphs = graphs;
    this.#decoder = decoder;
    this.#pictures = pictures;
  }

  static async open(model: PackedModel, graphs: TunedGraphs, opening: Opening, keep: Keep): Promise<TunedModel> {
    const { open, maxPictureBytes, gradientCheckpointing } = opening;
    const opened = (graph: TunedGraphs["forward"]) => keep(open(graph));
    const { before, behind } = graphs.vision;
    const pictures = new Pictures(
      model,
      {
        before: before && { graph: before, session: await opened(before) },
        behind: behind && {
          graph: behind.forward,
          session: await opened(behind.forward),
          backward: await opened(behind.backward),
        },
      },
      maxPictureBytes,
    );
    const { visualInputs, decoderParameters } = graphs;
    const wrt = [...decoderParameters.map(({ name }) => name), ...visualInputs];
    const inPieces = () => openInPieces(graphs.decoder, { input: "inputs_embeds", wrt }, (piece) => open(piece, true));
    const backward = gradientCheckpointing ? await keep(inPieces()) : await opened(graphs.backward);
    const decoder = { forward: await opened(graphs.forward), backward };
    return new TunedModel(model, graphs, decoder, pictures);
  }

  get numPictures(): number {
    return this.#pictures.numPictures;
  }

  addPicture(image: PromptImage, readAgain: PromptImage["pixels"]): Promise<void> {
    return this.#pictures.add(image, readAgain);
  }

  /** Sum over the answers' tokens. */
  async loss(rows: readonly TuneRow[], values: Values): Promise<number> {
    const { feeds } = await this.#batch(rows, await this.#look(rows, values), 1);
    const weights = feedsOfValues(this.#graphs.decoderParameters, values);
    const results = await this.#decoder.forward.run({ ...feeds, ...weights }, { [lossOutputs.loss]: null });
    return (results[lossOutputs.loss]!.data as Float32Array)[0]!;
  }

  /** @param weight of each token: one over how many an update has */
  async gradients(rows: readonly TuneRow[], values: Values, weight: number): Promise<Gradients> {
    const looks = await this.#look(rows, values);
    const { feeds, length } = await this.#batch(rows, looks, weight);
    const { decoderParameters, visualInputs } = this.#graphs;
    const names = [...decoderParameters.map(({ name }) => name), ...visualInputs];
    const wanted = Object.fromEntries([lossOutputs.loss, ...names.map(gradientOf)].map((name) => [name, null]));
    const weights = feedsOfValues(decoderParameters, values);
    const results = await this.#decoder.backward.run({ ...feeds, ...weights }, wanted);
    const data = (name: string) => results[name]!.data as Float32Array;
    const gradients = new Map(decoderParameters.map(({ name }) => [name, data(gradientOf(name))]));
    const onVisual = new Map(visualInputs.map((name) => [name, data(gradientOf(name))]));
    if (onVisual.size > 0) await this.#lookBack(rows, { looks, values, onVisual, length }, gradients);
    return { loss: data(lossOutputs.loss)[0]!, gradients };
  }

  /** Each picture of the rows once. */
  async #look(rows: readonly TuneRow[], values: Values): Promise<Map<string, ViewOutputs[]>> {
    const weights = feedsOfValues(this.#graphs.visionParameters, values);
    const looks = new Map<string, ViewOutputs[]>();
    for (const { key } of rows.flatMap(({ images }) => images))
      if (!looks.has(key)) looks.set(key, await this.#pictures.outputs(key, weights));
    return looks;
  }

  async #lookBack(
    rows: readonly TuneRow[],
    { looks, values, onVisual, length }: { readonly looks: ReadonlyMap<string, ViewOutputs[]>; readonly values: Values; readonly onVisual: Values; readonly length: number }, // biome-ignore format: one thought
    gradients: Map<string, Float32Array>,
  ): Promise<void> {
    const weights = feedsOfValues(this.#graphs.visionParameters, values);
    const add = (name: string, gradient: Float32Array) => {
      const sum = gradients.get(name);
      if (sum) for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!;
      else gradients.set(name, gradient);
    };
    for (const [key, outputs] of looks) {
      const back = this.#gatheredFor(key, rows, { onVisual, length });
      await this.#pictures.addGradients(key, { weights, outputs, gradients: back }, add);
    }
  }

  /** What the rows' inputs say of one picture's outputs: the sum over all places where it stands. */
  #gatheredFor(
    key: string,
    rows: readonly TuneRow[],
    { onVisual, length }: { readonly onVisual: Values; readonly length: number },
  ): Record<string, Float32Array> {
    const { hiddenSize: width } = this.#model.family.dimensions(this.#model.config);
    return Object.fromEntries(
      [...onVisual].map(([input, gradient]) => {
        const places = rows.flatMap(({ images }, b) => images.flatMap((image) => (image.key === key ? [{ b, image }] : []))); // biome-ignore format: one thought
        const sum = new Float32Array(numRows(places[0]!.image) * width);
        for (const { b, image } of places) {
          let at = 0;
          for (const { start, numTokens } of image.spans) {
            const from = (b * length + start) * width;
            for (let i = 0; i < numTokens * width; i++) sum[at + i]! += gradient[from + i]!;
            at += numTokens * width;
          }
        }
        return [outputOf(input), sum];
      }),
    );
  }

  /** Right-padded: what comes later does not reach a token. */
  async #batch(rows: readonly TuneRow[], looks: ReadonlyMap<string, ViewOutputs[]>, weight: number): Promise<Batch> {
    const { family, config } = this.#model;
    const length = Math.max(...rows.map(({ ids }) => ids.length - 1));
    const decoderRows = rows.map((row, slot) => ({
      slot,
      tokens: row.ids.slice(0, -1),
      position: 0,
      numLogits: 0,
      payload: { positions: row.positions, images: row.images.flatMap(({ key, spans }) => this.#placed(spans, looks.get(key)!)) }, // biome-ignore format: one thought
    }));
    const targets = rows.flatMap(({ ids, answerStart }) => ids.slice(answerStart));
    const places = rows.flatMap((row, b) => Array.from({ length: numAnswerTokens(row) }, (_, i) => b * length + row.answerStart - 1 + i)); // biome-ignore format: one thought
    const tokens = await tokenInputs(this.#model, family.dimensions(config), decoderRows, length);
    const feeds: Feeds = {
      ...tokens,
      logits_rows: int64(places),
      [lossInputs.targets]: int64(targets),
      [lossInputs.weights]: float32(new Float32Array(targets.length).fill(weight), [targets.length]),
    };
    const names = new Set(this.#graphs.backward.inputs.map(({ name }) => name));
    return { feeds: Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name))), length };
  }

  #placed(spans: TuneRow["images"][number]["spans"], views: readonly ViewOutputs[]) {
    const numDeepstack = this.#model.family.numDeepstack(this.#model.config);
    const deepstack = Array.from({ length: numDeepstack }, (_, n) => joinedOutput(views, `deepstack.${n}`));
    return placed(spans, { tokens: joinedOutput(views, "visual_tokens"), deepstack });
  }
}

/** The output of the vision graph that an input of the decoder holds in the places of pictures. */
function outputOf(input: string): string {
  return input === "inputs_embeds" ? "visual_tokens" : input;
}

function feedsOfValues(parameters: readonly Parameter[], values: Values): Feeds {
  return Object.fromEntries(parameters.map(({ name, shape }) => [name, float32(values.get(name)!, shape)]));
}
