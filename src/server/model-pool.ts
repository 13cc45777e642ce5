/** The models of one server by their names, and whether they are there yet. */

import { nearestHint, OcellusError } from "../core/base/index.js";
import type { Guards } from "../guardrails/index.js";
import type { WireModel } from "../protocol/index.js";
import type { CollectionInfo } from "../retrieval/index.js";
import { embedderOf, type ImageEmbedder } from "../retrieval/index.js";
import { AdmissionQueue } from "./admission-queue.js";
import type { ServerConfig } from "./config.js";
import type { Caller, ChatModel, EmbeddingModel, Served, ServedEmbedder, ServedModel } from "./served.js";
import type { Deployments } from "./versions/deployments.js";

/** Each runs on all threads: a second one at a time fills the gaps of the first, more only wait for each other. */
const embeddingsAtOnce = 2;

export class ModelPool {
  readonly #models = new Map<string, Served>();
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #config: Pick<ServerConfig, "maxQueue">;
  readonly #guards: Guards;
  #isReady = false;
  #fleet: Deployments | undefined;

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

  /**
   * As `find`, for the time of an exchange: of an alias, the version by the split. Without a name, the first alias is meant.
   * @throws as `find`; `overloaded`, `aborted` while it waits for a version that is being swapped.
   */
  async assign(id: string | undefined, caller: Caller, user: string | undefined): Promise<ServedModel> {
    if (!this.#isReady || !this.#fleet || (id === undefined && this.#models.size > 0)) return this.find(id);
    const { conversation, wantedVersion: version, owner } = caller;
    const name = id ?? this.#fleet.aliases[0]?.name ?? "";
    const unit = conversation ?? (user === undefined ? owner : `${owner} ${user}`);
    caller.assignment?.release();
    caller.assignment = undefined; // while it waits
    caller.assignment = await this.#fleet.assign(name, { unit, conversation, version }, caller);
    return caller.assignment?.served ?? this.find(id);
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

  /** Versions from the registry, which come and go. */
  useFleet(fleet: Deployments): void {
    this.#fleet = fleet;
  }

  /** Those that the server was started with. */
  own(): readonly Served[] {
    return [...this.#models.values()];
  }

  all(): readonly Served[] {
    return [...this.#models.values(), ...(this.#fleet?.models ?? [])];
  }

  list(): WireModel[] {
    const aliases = (this.#fleet?.aliases ?? []).flatMap(({ name, tag }) => {
      const served = this.#fleet?.loaded(tag);
      return served ? [{ ...served, id: name }] : [];
    });
    return [...aliases, ...this.all()].map((served) => ({
      id: served.id,
      object: "model",
      created: this.#created,
      owned_by: "ocellus",
      ocellus: describe(served),
    }));
  }

  #gate(maxRunning: number): AdmissionQueue {
    return new AdmissionQueue({ maxRunning, maxQueue: this.#config.maxQueue });
  }

  #named(id: string | undefined, kind: Served["kind"]): Served {
    if (!this.#isReady)
      throw new OcellusError("unavailable", "the server is loading its models; ask /health/ready when it is done");
    const all = this.all();
    const named = this.#fleet?.aliases.find(({ name }) => name === id)?.tag ?? id;
    const found = all.find((served) => (id === undefined ? served.kind === kind : served.id === named)) ?? all[0];
    if (found && (id === undefined || found.id === named)) return found;
    const names = this.list().map((model) => model.id);
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
  readonly embedder: ImageEmbedder;
}

function eyesOf(served: Served): Eye[] {
  if (served.kind === "embedding") return [{ served, embedder: embedderOf(served.model) }];
  const { model } = served;
  const { info, vectorVersion, embedImage } = model;
  if (!info.readsImages || vectorVersion === undefined || !embedImage) return [];
  const [admitImage, admitText] = [model.admitImage.bind(model), model.admitText.bind(model)];
  const seeing = { info, vectorVersion, embedImage, admitImage, admitText };
  return [{ served, embedder: embedderOf(seeing) }];
}

function describe({ kind, model: { info } }: Served): WireModel["ocellus"] {
  return {
    kind,
    model_type: info.modelType,
    weights: info.weights,
    version: info.digest,
    vision: "readsImages" in info ? info.readsImages : true,
    tools: "readsTools" in info && info.readsTools,
    max_length: info.maxLength,
    device: info.device,
  };
}

function wrongKind(id: string, problem: string): OcellusError {
  return new OcellusError("unsupported", `the model ${id} ${problem}`, { details: { param: "model" } });
}
