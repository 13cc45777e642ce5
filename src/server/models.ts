/** The models of one server by their names, and whether they are there yet. */
import { nearestHint, OcellusError } from "../base/index.js";
import type { AnsweringModel, EmbeddingModel, GuardedEmbedder, GuardedModel, Guards } from "../guard/index.js";
import type { WireModel } from "../protocol/index.js";
import { embedderOf, type PictureEmbedder } from "../runtime/index.js";
import type { CollectionInfo } from "../search/index.js";
import type { ServerConfig } from "./config.js";
import { Gate } from "./gate.js";

/** What the shelf takes; what it hands out is behind the guards. */
export type ChatModel = AnsweringModel;
export type { EmbeddingModel };

export interface ServedModel {
  readonly kind: "chat";
  readonly id: string;
  /** The folder that was packed. */
  readonly checkpoint: string;
  readonly model: GuardedModel;
  readonly gate: Gate;
}

export interface ServedEmbedder {
  readonly kind: "embedding";
  readonly id: string;
  readonly checkpoint: string;
  readonly model: GuardedEmbedder;
  readonly gate: Gate;
}

export type Served = ServedModel | ServedEmbedder;

/** Each runs on all threads: a second one at a time fills the gaps of the first, more only wait for each other. */
const embeddingsAtOnce = 2;

export class ModelShelf {
  readonly #models = new Map<string, Served>();
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #config: Pick<ServerConfig, "maxQueue">;
  readonly #guards: Guards;
  #isReady = false;

  constructor(config: Pick<ServerConfig, "maxQueue">, guards: Guards) {
    this.#config = config;
    this.#guards = guards;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Half as many again as can run are let in: their pictures are encoded while they wait for a slot.
   * @param checkpoint the folder that was packed, to be described; without it the packed one is.
   */
  add(id: string, model: ChatModel, checkpoint = model.info.path): void {
    const gate = this.#gate(Math.ceil(1.5 * model.info.maxSequences));
    this.#models.set(id, { kind: "chat", id, checkpoint, model: this.#guards.answering(model, id), gate });
  }

  addEmbedder(id: string, model: EmbeddingModel, checkpoint = model.info.path): void {
    const guarded = this.#guards.embedding(model);
    this.#models.set(id, { kind: "embedding", id, checkpoint, model: guarded, gate: this.#gate(embeddingsAtOnce) });
  }

  /** All models are there: questions are welcome. */
  open(): void {
    this.#isReady = true;
  }

  /** The named model, or the first that answers. @throws `not_found`, `unsupported`, `unavailable` while models load. */
  find(id: string | undefined): ServedModel {
    const found = this.#named(id, "chat");
    if (found.kind === "chat") return found;
    throw wrongKind(found.id, "compares texts and pictures; it answers no questions. Ask it at /v1/embeddings");
  }

  /** The named model, or the first that gives embeddings. @throws as `find`. */
  findEmbedder(id: string | undefined): ServedEmbedder {
    const found = this.#named(id, "embedding");
    if (found.kind === "embedding") return found;
    const reason = "answers questions; what it makes of texts and of pictures cannot be compared by a distance";
    throw wrongKind(found.id, `${reason}. Start the server with --embedding-model FOLDER (a CLIP checkpoint)`);
  }

  /** The named model of any kind, or the first that answers. @throws `not_found`, `unavailable` while models load. */
  get(id: string | undefined): Served {
    return this.#named(id, "chat");
  }

  /** The named model, or the first that makes vectors of pictures: one made for it before one that answers. @throws as `find`. */
  findEye(id: string | undefined): Eye {
    const eyes = this.all().flatMap(eyesOf);
    if (id === undefined) {
      const [found] = [...eyes.filter(({ served }) => served.kind === "embedding"), ...eyes];
      if (this.#isReady && found) return found;
    }
    const { id: name } = this.#named(id, "embedding");
    const found = eyes.find(({ served }) => served.id === name);
    if (found) return found;
    throw wrongKind(name, "makes no vectors of pictures");
  }

  /** The model that made a collection's vectors. @throws `unsupported` when it is not here, `unavailable` while models load. */
  findMaker({ name, model: { version, name: maker } }: CollectionInfo): Eye {
    const found = this.all()
      .flatMap(eyesOf)
      .find(({ embedder }) => embedder.version === version);
    if (this.#isReady && found) return found;
    this.#named(undefined, "chat");
    throw new OcellusError(
      "unsupported",
      `the collection ${name} was made with ${maker} (${version.slice(0, 12)}), which this server does not have`,
    );
  }

  all(): readonly Served[] {
    return [...this.#models.values()];
  }

  list(): WireModel[] {
    return this.all().map((served) => ({
      id: served.id,
      object: "model",
      created: this.#created,
      owned_by: "ocellus",
      ocellus: describe(served),
    }));
  }

  #gate(maxRunning: number): Gate {
    return new Gate({ maxRunning, maxQueue: this.#config.maxQueue });
  }

  #named(id: string | undefined, kind: Served["kind"]): Served {
    if (!this.#isReady)
      throw new OcellusError("unavailable", "the server is loading its models; ask /health/ready when it is done");
    const all = this.all();
    const found = id === undefined ? (all.find((served) => served.kind === kind) ?? all[0]) : this.#models.get(id);
    if (found) return found;
    const names = [...this.#models.keys()];
    throw new OcellusError(
      "not_found",
      `there is no model ${JSON.stringify(id)} here${nearestHint(id ?? "", names)}; GET /v1/models lists them`,
      { details: { param: "model" } },
    );
  }
}

/** A model, and what makes vectors of pictures in it. */
export interface Eye {
  readonly served: Served;
  readonly embedder: PictureEmbedder;
}

function eyesOf(served: Served): Eye[] {
  if (served.kind === "embedding") return [{ served, embedder: embedderOf(served.model) }];
  const { info, embedImage, vectorVersion } = served.model;
  if (!info.readsPictures || !embedImage || vectorVersion === undefined) return [];
  const seeing = { info, vectorVersion, embedImage: embedImage.bind(served.model) };
  return [{ served, embedder: embedderOf(seeing) }];
}

function describe({ kind, model: { info } }: Served): WireModel["ocellus"] {
  return {
    kind,
    model_type: info.modelType,
    weights: info.weights,
    version: info.digest,
    vision: "readsPictures" in info ? info.readsPictures : true,
    tools: "readsTools" in info && info.readsTools,
    max_length: info.maxLength,
    device: info.device,
  };
}

function wrongKind(id: string, problem: string): OcellusError {
  return new OcellusError("unsupported", `the model ${id} ${problem}`, { details: { param: "model" } });
}
