/**
 * A decoder that was trained to embed (Qwen3-VL-Embedding): texts, images, or both as one, as vectors of length one. An input is a
 * turn of its own chat template behind a system prompt that says what it is for; its vector is the last token's, behind the last
 * norm. Prompts and budgets are those of the published code (Qwen3-VL-Embedding, qwen3_vl_embedding.py).
 */
import { invariant, OcellusError, optionNames, refuseUnknownOptions, sha256, throwIfAborted } from "../base/index.js";
import { fileDigest } from "../fs/index.js";
import type { ImageInput } from "../image/node/index.js";
import type { RgbImage } from "../image/spec/index.js";
import { type PackedModel, storedGraphs } from "../pack/index.js";
import { type ContentPart, image as imagePart } from "../processor/index.js";
import type { EmbeddedText } from "./dual-encoder.js";
import { loadWith } from "./load-model.js";
import type { VisionLanguageModel } from "./model.js";
import { loadingNames, openDecoder, openGraph, type PackingChoice, type Threading } from "./open.js";
import type { PrefillChoice } from "./packing-plan.js";
import type { DeviceChoice } from "./placement.js";
import type { RowOutput } from "./runner.js";
import { unit } from "./vision.js";

export interface LoadEmbedderOptions extends PackingChoice, PrefillChoice, Threading, DeviceChoice {
  /** As of `loadModel`, but by default "same": vectors then do not depend on the memory of a machine. */
  readonly prefillWeights?: PrefillChoice["prefillWeights"];
  /** Threads of one operator. Default: the cores this process may use. */
  readonly threads?: number;
  /** What vectors are for, where an input does not say it. Default: "Represent the user's input." */
  readonly instruction?: string;
}

const optionsOfEmbedder = optionNames<LoadEmbedderOptions>({
  ...loadingNames,
  prefillWeights: true,
  instruction: true,
});

/** A text, an image, or both, which are then one thing with one vector. */
export interface EmbedderInput {
  readonly text?: string;
  readonly image?: ImageInput;
  /** What the vector is for: "Retrieve images or text relevant to the user's query." for what is searched with. */
  readonly instruction?: string;
}

interface EmbedOptions {
  readonly signal?: AbortSignal;
}

const usualInstruction = "Represent the user's input.";

/** What an image is resized within, whatever the checkpoint's processor says. */
const budget = { minPixels: 4 * 32 * 32, maxPixels: 1800 * 32 * 32 };

/**
 * Opens the folder of a Qwen3-VL-Embedding checkpoint, or of its fine-tune, or a packed one. Another qwen3_vl checkpoint opens too:
 * no file says what a model was trained for.
 * @throws as `loadModel`; `unsupported` for another type.
 */
export async function loadEmbedder(path: string, options: LoadEmbedderOptions = {}): Promise<EmbedderModel> {
  refuseUnknownOptions("loadEmbedder", options, optionsOfEmbedder);
  const { instruction, ...loading } = options;
  let decoder: string | undefined;
  const model = await loadWith(
    async (packed, name, session, usesPrefill) => {
      checkType(packed, "loadEmbedder");
      if (name !== "decoder") return openGraph(packed, name, session, loading);
      decoder = JSON.stringify([await fileDigest(packed.graphPath("decoder")), usesPrefill]); // the copy's vectors differ a little
      return openDecoder(packed, session, loading, { usesPrefill, outputs: [lastNorm(packed).name] });
    },
    path,
    { prefillWeights: "same", ...loading, maxSequences: 1 },
    lastNorm,
  );
  invariant(decoder, "a model has a decoder");
  return new EmbedderModel(model, decoder, punctuated(instruction) ?? usualInstruction);
}

/** The prompts here are one family's. @throws `unsupported`. */
export function checkType({ path, manifest }: PackedModel, call: string): void {
  if (manifest.model_type === "qwen3_vl") return;
  throw new OcellusError(
    "unsupported",
    `${path}: ${call} expects a checkpoint of Qwen3-VL-Embedding or Qwen3-VL-Reranker, found ${manifest.model_type}`,
    { details: { expected: ["qwen3_vl"], found: manifest.model_type } },
  );
}

/** What the head would read. */
function lastNorm(packed: PackedModel): RowOutput {
  const norm = storedGraphs(packed).decoder!.nodes.findLast(({ op }) => op === "SimplifiedLayerNormalization");
  invariant(norm, "a decoder ends in a norm");
  return { name: norm.outputs[0]!.name, width: packed.family.dimensions(packed.config).hiddenSize };
}

/** As the model saw instructions: with a mark at the end. */
function punctuated(instruction: string | undefined): string | undefined {
  const trimmed = instruction?.trim();
  if (!trimmed) return undefined;
  return /\p{P}$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** An image and a text as the parts of a turn, in the order that the model was trained with. */
export function partsOf({ text, image }: Pick<EmbedderInput, "text" | "image">): (ContentPart | string)[] {
  return [...(image === undefined ? [] : [imagePart(image)]), ...(text ? [text] : [])];
}

/** Ids that the tokenizer puts behind a text of its own accord, which its chat template does not write. */
export function idsBehind({ tokenizer }: Pick<VisionLanguageModel, "tokenizer">): number[] {
  const [plain, whole] = [false, true].map((addSpecialTokens) => tokenizer.encode("a", { addSpecialTokens }));
  return whole!.slice(plain!.length);
}

export class EmbedderModel {
  readonly #model: VisionLanguageModel;
  readonly #decoder: string;
  readonly #instruction: string;

  /** @internal Use `loadEmbedder`. */
  constructor(model: VisionLanguageModel, decoder: string, instruction: string) {
    this.#model = model;
    this.#decoder = decoder;
    this.#instruction = instruction;
  }

  /** Name, format and limits, as a user would want to see them. */
  get info() {
    const { path, modelType, weights, digest, device, maxLength, notes } = this.#model.info;
    return { path, modelType, weights, digest, device, maxLength, notes };
  }

  /** Names what makes this model's vectors: equal versions give comparable ones. */
  get vectorVersion(): string {
    return sha256(JSON.stringify([this.#model.vectorVersion, this.#decoder, "last token", this.#instruction, budget]));
  }

  /** What of a picture the model is shown. */
  modelView(image: RgbImage): RgbImage {
    return this.#model.modelView(image, budget);
  }

  /** @throws `invalid_request` for neither text nor image, `too_large` past the context, as `decodeImage`, `aborted`. */
  async embed(input: EmbedderInput, { signal }: EmbedOptions = {}): Promise<EmbeddedText> {
    const content = partsOf(input);
    if (content.length === 0)
      throw new OcellusError("invalid_request", "an input to embed: expected a text, an image or both, found neither", {
        details: { field: "input" },
      });
    const system = punctuated(input.instruction) ?? this.#instruction;
    const messages = [
      { role: "system", content: [system] },
      { role: "user", content },
    ] as const;
    const ofImages = input.image === undefined ? {} : budget;
    const prepared = await this.#model.prepare(messages, { ...ofImages, ...(signal && { signal }) });
    const more = idsBehind(this.#model);
    const vector = await this.#model.lastRow(prepared, more);
    const numTokens = prepared.promptIds.length + more.length;
    return { direction: unit(vector), scale: 1, bias: undefined, numTokens };
  }

  /** Each as alone, in order. @throws as `embed`. */
  async embedAll(inputs: readonly EmbedderInput[], options: EmbedOptions = {}): Promise<EmbeddedText[]> {
    const embedded: EmbeddedText[] = [];
    for (const input of inputs) {
      throwIfAborted(options.signal);
      embedded.push(await this.embed(input, options));
    }
    return embedded;
  }

  /** As `DualEncoderModel.embedImage`. */
  async embedImage(image: ImageInput, options: EmbedOptions = {}): Promise<Float32Array> {
    return (await this.embed({ image }, options)).direction;
  }

  /** As `DualEncoderModel.embedText`. */
  async embedText(text: string): Promise<Float32Array> {
    return (await this.embedCounted(text)).direction;
  }

  /** As `DualEncoderModel.embedCounted`; a cosine is not made a logit. */
  async embedCounted(text: string): Promise<EmbeddedText> {
    return this.embed({ text });
  }

  /** What is asked later is refused with `closed`. */
  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
