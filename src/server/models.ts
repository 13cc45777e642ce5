/** The models of one server by their names, and whether they are there yet. */
import { nearestHint, OcellusError } from "../base/index.js";
import type { WireModel } from "../protocol/index.js";
import type { VisionLanguageModel } from "../runtime/index.js";
import { Gate } from "./gate.js";

/** What the server asks of a model: tests script one. */
export type ChatModel = Pick<VisionLanguageModel, "info" | "stats" | "tokenizer" | "prepare" | "generate" | "close">;

export interface ServedModel {
  readonly id: string;
  readonly model: ChatModel;
  readonly gate: Gate;
}

export class ModelShelf {
  readonly #models = new Map<string, ServedModel>();
  readonly #created = Math.floor(Date.now() / 1000);
  #isReady = false;

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Half as many again as can run are let in: their pictures are encoded while they wait for a slot. */
  add(id: string, model: ChatModel, maxQueue: number): void {
    const gate = new Gate({ maxRunning: Math.ceil(1.5 * model.info.maxSequences), maxQueue });
    this.#models.set(id, { id, model, gate });
  }

  /** All models are there: questions are welcome. */
  open(): void {
    this.#isReady = true;
  }

  /** The named model, or the first. @throws `not_found`, `unavailable` while models are being loaded. */
  find(id: string | undefined): ServedModel {
    if (!this.#isReady)
      throw new OcellusError("unavailable", "the server is loading its models; ask /health/ready when it is done");
    const found = id === undefined ? this.#models.values().next().value : this.#models.get(id);
    if (found) return found;
    const names = [...this.#models.keys()];
    throw new OcellusError(
      "not_found",
      `there is no model ${JSON.stringify(id)} here${nearestHint(id ?? "", names)}; GET /v1/models lists them`,
      { details: { param: "model" } },
    );
  }

  all(): readonly ServedModel[] {
    return [...this.#models.values()];
  }

  list(): WireModel[] {
    return this.all().map(({ id, model }) => {
      const { info } = model;
      return {
        id,
        object: "model",
        created: this.#created,
        owned_by: "ocellus",
        ocellus: {
          kind: "chat",
          model_type: info.modelType,
          weights: info.weights,
          version: info.digest,
          vision: info.readsPictures,
          tools: info.readsTools,
          max_length: info.maxLength,
          device: info.device,
        },
      };
    });
  }
}
