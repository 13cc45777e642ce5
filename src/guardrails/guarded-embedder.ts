/** A model that embeds, behind the guardrails: each text and each image goes through them. */
import { OcellusError } from "../core/base/index.js";
import type { ImageInput } from "../core/image/node/index.js";
import type { DualEncoderModel, EmbeddedText, EmbedderInput, EmbedderModel } from "../core/runtime/index.js";
import { type Asking, admittedImage, admittedParts, admittedText, type Gatekeeper, type Shown } from "./admitted.js";

/** A model that embeds, as far as guardrails stand before it. */
export type EmbeddingModel = Shown &
  Pick<DualEncoderModel, "info" | "embedImage" | "embedText" | "embedCounted" | "vectorVersion" | "close"> &
  Partial<Pick<EmbedderModel, "embed">>;

export class GuardedEmbedder {
  readonly #model: EmbeddingModel;
  readonly #guards: Gatekeeper;

  constructor(model: EmbeddingModel, guards: Gatekeeper) {
    this.#model = model;
    this.#guards = guards;
  }

  get info() {
    return this.#model.info;
  }

  close(): Promise<void> {
    return this.#model.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get vectorVersion(): string {
    return this.#model.vectorVersion;
  }

  /** As `GuardedModel.admitImage`. */
  admitImage(input: ImageInput, options: Asking = {}): Promise<ImageInput> {
    return admittedImage(input, this.#model, this.#guards, options);
  }

  /** As `GuardedModel.admitText`. */
  admitText(text: string, options: Asking = {}): Promise<string> {
    return admittedText(text, this.#model, this.#guards, options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedImage(input: ImageInput, options: Asking = {}): Promise<Float32Array> {
    return this.#model.embedImage(await this.admitImage(input, options), options);
  }

  /** A text, an image or both as one, and what for. @throws as the model's, `unsupported` where it cannot, `blocked`, `unavailable`. */
  async embed({ instruction, ...input }: EmbedderInput, options: Asking = {}): Promise<EmbeddedText> {
    if (!this.#model.embed)
      throw new OcellusError(
        "unsupported",
        "this model embeds a text or an image; both as one, or with an instruction, take Qwen3-VL-Embedding",
        { details: { param: "input" } },
      );
    const parts = await admittedParts(input, this.#model, this.#guards, options);
    const said = instruction && (await this.admitText(instruction, options));
    return this.#model.embed({ ...parts, ...(said && { instruction: said }) }, options);
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedText(text: string): Promise<Float32Array> {
    return this.#model.embedText(await this.admitText(text));
  }

  /** @throws as the model's, `blocked`, `unavailable`. */
  async embedCounted(text: string): Promise<EmbeddedText> {
    return this.#model.embedCounted(await this.admitText(text));
  }
}
