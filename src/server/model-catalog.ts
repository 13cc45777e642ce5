/**
 * The models of one server by their names: asks the provider, holds what it lends until the request ends, and hands out nothing
 * that is not behind the guardrails. Knows which models answer, which embed, and whether they are there yet.
 */
import { nearestHint, OcellusError } from "../core/base/index.js";
import type { ImageResize, LanguageModel } from "../core/runtime/index.js";
import type { WireModel } from "../protocol/index.js";
import { type CollectionInfo, embedderOf, type ImageEmbedder } from "../retrieval/index.js";
import type {
  AnyModel,
  Assignment,
  Caller,
  Lease,
  ListedModel,
  ModelProvider,
  ProvidedModel,
} from "./model-provider.js";
import {
  answers,
  kindOf,
  type Served,
  type ServedEmbedder,
  type ServedModel,
  type ServedReranker,
  type ServingOptions,
  servedModel,
} from "./served.js";

/** A request, as far as models are concerned. */
export interface LeaseHolder {
  readonly caller: Caller;
  /** Which version answers it. */
  assignment: Assignment | undefined;
  /** Gives it back at the end of the request. */
  hold(lease: Lease): void;
}

/** A model, and what makes vectors of images in it. */
export interface ServedImageEmbedder {
  readonly served: Served;
  readonly embedder: ImageEmbedder;
}

export class ModelCatalog {
  readonly #provider: ModelProvider;
  readonly #options: ServingOptions;
  /** What stands before a model lives as long as the model. */
  readonly #served = new WeakMap<AnyModel, Served>();
  readonly #created = Math.floor(Date.now() / 1000);
  #isReady = false;

  constructor(provider: ModelProvider, options: ServingOptions) {
    this.#provider = provider;
    this.#options = options;
    options.guards.lend((name) => this.#lent(name));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** All models are there: requests are welcome. */
  open(): void {
    this.#isReady = true;
  }

  /** The same model is the same served one, with one queue, whoever asks for it. */
  serve(provided: ProvidedModel<LanguageModel>): ServedModel;
  serve(provided: ProvidedModel): Served;
  serve(provided: ProvidedModel): Served {
    const { id, model, checkpoint = model.info.path } = provided;
    const known = this.#served.get(model);
    if (known?.id === id && known.checkpoint === checkpoint) return known;
    const served = servedModel(provided, this.#options, known);
    this.#served.set(model, served);
    return served;
  }

  /**
   * The named model for an answer, or the first that answers; of an alias, the version that the split gives.
   * @throws `not_found`, `unsupported`, `unavailable` while models load; as the provider's `resolve`.
   */
  async answering(name: string | undefined, request: LeaseHolder): Promise<ServedModel> {
    this.#checkReady();
    const lease = await this.#lease(name ?? nameOf(this.#first("chat")), request);
    request.assignment = lease.assignment;
    return chatOf(this.serve(lease));
  }

  /** The named model that answers, for other work than an answer: of an alias, what all are served. @throws as `answering`. */
  async chat(name: string | undefined, request: LeaseHolder): Promise<ServedModel> {
    return chatOf(await this.any(name, request));
  }

  /** The named model, or the first that gives embeddings. @throws as `answering`. */
  async embedding(name: string | undefined, request: LeaseHolder): Promise<ServedEmbedder> {
    const found = await this.any(name, request, "embedding");
    if (found.kind === "embedding") return found;
    const reason = "answers questions; what it makes of texts and of images cannot be compared by a distance";
    throw wrongKind(
      found.id,
      `${reason}. Start the server with --embedding-model FOLDER (CLIP, SigLIP or Qwen3-VL-Embedding)`,
    );
  }

  /** The named model, or the first that judges documents. @throws as `answering`. */
  async reranking(name: string | undefined, request: LeaseHolder): Promise<ServedReranker> {
    const found = await this.any(name, request, "reranker");
    if (found.kind === "reranker") return found;
    throw wrongKind(found.id, "was not trained to judge documents. Start the server with --reranker-model FOLDER");
  }

  /** The named model of any kind, or the first of `kind`. @throws as `answering`. */
  async any(name: string | undefined, request: LeaseHolder, kind: Served["kind"] = "chat"): Promise<Served> {
    this.#checkReady();
    const listed = name === undefined ? this.#first(kind) : this.#named(name);
    return this.serve(await this.#lease(listed?.id ?? name, request));
  }

  /** The named model, or the first that makes vectors of images: one made for it before one that answers. @throws as `answering`. */
  async seeing(name: string | undefined, request: LeaseHolder): Promise<ServedImageEmbedder> {
    const imageEmbedders = this.all().flatMap(imageEmbeddersOf);
    const first = imageEmbedders.find(({ served }) => served.kind === "embedding") ?? imageEmbedders[0];
    const served = await this.any(name ?? first?.served.id, request, "embedding");
    const [imageEmbedder] = imageEmbeddersOf(served);
    if (imageEmbedder) return imageEmbedder;
    throw wrongKind(served.id, "makes no vectors of images");
  }

  /** The model that made a collection's vectors. @throws `unsupported` when it is not here, and as `answering`. */
  async makerOf(
    { name, model: { version, name: maker } }: CollectionInfo,
    request: LeaseHolder,
  ): Promise<ServedImageEmbedder> {
    this.#checkReady();
    const isMaker = ({ embedder }: ServedImageEmbedder) => embedder.version === version;
    const listed = this.all().flatMap(imageEmbeddersOf).find(isMaker);
    const imageEmbedder = listed && imageEmbeddersOf(await this.any(listed.served.id, request)).find(isMaker);
    if (imageEmbedder) return imageEmbedder;
    throw new OcellusError(
      "unsupported",
      `the collection ${name} was made with ${maker} (${version.slice(0, 12)}), which this server does not have`,
      { details: { param: "collection" } },
    );
  }

  /** Each model once. */
  all(): readonly Served[] {
    return [...new Set(this.#provider.list().map((listed) => this.serve(listed)))];
  }

  list(): WireModel[] {
    return this.#provider.list().map((listed) => this.#wire(listed));
  }

  /** One of the list. @throws `not_found`, `unavailable` while models load. */
  describe(name: string): WireModel {
    this.#checkReady();
    const listed = this.#named(name);
    if (!listed) throw this.#notFound(name);
    return this.#wire(listed);
  }

  async #lease(name: string | undefined, request: LeaseHolder): Promise<Lease> {
    const lease = name === undefined ? undefined : await this.#provider.resolve(name, request.caller);
    if (!lease) throw this.#notFound(name);
    request.hold(lease);
    return lease;
  }

  #named(name: string): ListedModel | undefined {
    return this.#provider.list().find((listed) => nameOf(listed) === name);
  }

  #first(kind: Served["kind"]): ListedModel | undefined {
    const listed = this.#provider.list();
    return listed.find(({ model }) => kindOf(model) === kind) ?? listed[0];
  }

  /** For the guardrail that asks a model: that of a name, or the first. */
  #lent(name: string | undefined): LanguageModel | undefined {
    const model = (name === undefined ? this.#first("chat") : this.#named(name))?.model;
    return model && answers(model) ? model : undefined;
  }

  #checkReady(): void {
    if (this.#isReady) return;
    throw new OcellusError("unavailable", "the server is loading its models; ask /health/ready when it is done");
  }

  #notFound(name: string | undefined): OcellusError {
    const names = this.list().map(({ id }) => id);
    const problem = name === undefined ? "no model here yet" : `no model ${JSON.stringify(name)} here`;
    const hint = `${nearestHint(name ?? "", names)}; GET /v1/models lists them`;
    return new OcellusError("not_found", `there is ${problem}${hint}`, { details: { param: "model" } });
  }

  #wire(listed: ListedModel): WireModel {
    const { kind, model } = this.serve(listed);
    const { info } = model;
    const ocellus = {
      kind,
      model_type: info.modelType,
      weights: info.weights ?? "remote",
      version: info.digest,
      vision: "readsImages" in info ? info.readsImages : true,
      tools: "readsTools" in info && info.readsTools,
      ...("places" in info && { places: info.places }),
      ...("resize" in info && info.resize && { resize: wireResize(info.resize) }),
      ...("thinking" in info && { thinking: info.thinking }),
      ...("readsVideos" in info && info.readsVideos && { videos: this.#options.videos }),
      max_length: info.maxLength,
      device: info.device ?? "remote",
    };
    return { id: nameOf(listed), object: "model", created: this.#created, owned_by: "ocellus", ocellus };
  }
}

function wireResize({ block, minPixels, maxPixels }: ImageResize): WireModel["ocellus"]["resize"] {
  return { block, min_pixels: minPixels, max_pixels: maxPixels };
}

function nameOf(listed: ListedModel): string;
function nameOf(listed: ListedModel | undefined): string | undefined;
function nameOf(listed: ListedModel | undefined): string | undefined {
  return listed?.name ?? listed?.id;
}

function chatOf(served: Served): ServedModel {
  if (served.kind === "chat") return served;
  const [does, route] =
    served.kind === "embedding" ? ["compares texts and images", "/v1/embeddings"] : ["judges documents", "/v1/rerank"];
  throw wrongKind(served.id, `${does}; it answers no questions. Ask it at ${route}`);
}

function imageEmbeddersOf(served: Served): ServedImageEmbedder[] {
  if (served.kind === "reranker") return [];
  if (served.kind === "embedding") return [{ served, embedder: embedderOf(served.model) }];
  const { model } = served;
  const { info, vectorVersion, embedImage } = model;
  if (!info.readsImages || vectorVersion === undefined || !embedImage) return [];
  const [admitImage, admitText] = [model.admitImage.bind(model), model.admitText.bind(model)];
  const seeing = { info, vectorVersion, embedImage, admitImage, admitText };
  return [{ served, embedder: embedderOf(seeing) }];
}

function wrongKind(id: string, problem: string): OcellusError {
  return new OcellusError("unsupported", `the model ${id} ${problem}`, { details: { param: "model" } });
}
