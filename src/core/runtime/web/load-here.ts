/** Opens a packed model on the thread that calls this, a worker's as a rule: `loadModel` of index.ts starts one. */
import { chooseDevice, threadNotes, type WebDevice, WebGraph } from "../../backend/web/index.js";
import { type OcellusError, openWhole, sha256 } from "../../base/index.js";
import { EncoderCache } from "../../cache/portable.js";
import "../../image/web/index.js";
import { encodeStored, type PackedModel, storedGraphs, type WeightFile, withFloats } from "../../pack/portable.js";
import { textWorkHere } from "../../processor/portable.js";
import type { PackedSource } from "../../storage/web/index.js";
import {
  decoderModels,
  type ModelHost,
  openedImages,
  openModel,
  placementFor,
  placementOn,
  sizesOf,
  speculationUse,
  type VisionLanguageModel,
} from "../portable.js";
import { openPackedSource, weightNames } from "./packed-source.js";
import { checkOptions, type WebModelOptions, webModelNames } from "./web-options.js";

/** A model of this thread, and what becomes of its device. */
export interface ModelHere {
  readonly model: VisionLanguageModel;
  readonly lost: Promise<OcellusError>;
}

/**
 * @param source closed with the model, and where it cannot be opened
 * @throws `invalid_request` (an unknown option), `not_found`, `invalid_file`, `invalid_config`, `unsupported`, `unavailable`.
 */
export async function loadModelHere(source: PackedSource, options: WebModelOptions = {}): Promise<VisionLanguageModel> {
  return (await openHere(source, options)).model;
}

/**
 * The device is chosen, and its runtime started, while the source opens.
 * @internal
 */
export async function openHere(
  opening: PackedSource | Promise<PackedSource>,
  options: WebModelOptions = {},
): Promise<ModelHere> {
  try {
    return await open(opening, options);
  } catch (error) {
    void Promise.resolve(opening)
      .then((source) => source.close())
      .catch(() => {}); // or it was not opened
    throw error;
  }
}

async function open(opening: PackedSource | Promise<PackedSource>, options: WebModelOptions): Promise<ModelHere> {
  checkOptions(options, webModelNames);
  const started = performance.now();
  const { device: wanted = "auto", threads, wasmPaths, wasmCompression } = options;
  const device = chooseDevice(wanted, { threads, wasmPaths, wasmCompression });
  const [source, found] = await Promise.all([opening, device]);
  const openedAt = performance.now();
  const model = await openWhole(async (keep) => {
    const stored = await keep(openPackedSource(source));
    const states = stored.family.states(stored.config);
    const chosen = placementOn(found.device, found.trial);
    const placement = placementFor(states, chosen);
    const speculation = speculationUse(states, placement.device, options.speculation);
    const widened = placement.device === "cpu" ? withFloats(stored) : undefined;
    const packed: PackedModel = { ...stored, ...widened?.packed };
    const weights = new Weights(source, widened?.file);
    const openGraph = async (model: Uint8Array, device: WebDevice) =>
      WebGraph.open(model, { runtime: found.runtime, device, weights: await weights.read() });
    const decoder = { usesPrefill: false, takesRuns: speculation.isUsed };
    const host: ModelHost = {
      images: openedImages(options.imageLimits ?? {}),
      openVision: () => openGraph(visionModel(packed), placement.towers as WebDevice),
      openDecoder: () =>
        openGraph(decoderModels(packed, placement.device, decoder).model, placement.device as WebDevice),
      openHere: (model) => openGraph(model, "cpu").finally(() => weights.release()),
      openTextWork: async (tokenizer, template) => ({ ...textWorkHere(tokenizer, template), close: async () => {} }),
      visionDigest: async () => sha256(visionModel(packed)),
      openCache: async ({ encoderCacheBytes: maxBytes, pinnedBytes: maxPinnedBytes }) =>
        new EncoderCache({
          ...(maxBytes !== undefined && { maxBytes }),
          ...(maxPinnedBytes !== undefined && { maxPinnedBytes }),
        }),
    };
    const opened = await openModel(
      packed,
      host,
      {
        ...(options.memory && { memory: options.memory }),
        ...sizesOf(packed, options),
        ...{ placement, chosen, notes: found.notes },
        laterNotes: [...threadNotes(threads), ...speculation.notes],
        timings: () => ({ packMs: openedAt - started, openMs: performance.now() - openedAt, packed: false }),
      },
      keep,
    );
    weights.release();
    return opened;
  });
  return { model, lost: found.lost() };
}

function visionModel(packed: PackedModel): Uint8Array {
  return encodeStored(storedGraphs(packed).vision!, packed);
}

/** The one file that graphs read, of those that are stored. */
type Widen = (files: readonly WeightFile[]) => WeightFile;

/** The weights while graphs are opened, which copy them: read once for those that open beside each other. */
class Weights {
  readonly #source: PackedSource;
  readonly #widened: Widen | undefined;
  #files: Promise<readonly WeightFile[]> | undefined;

  constructor(source: PackedSource, widened: Widen | undefined) {
    this.#source = source;
    this.#widened = widened;
  }

  read(): Promise<readonly WeightFile[]> {
    this.#files ??= this.#readAll();
    return this.#files;
  }

  async #readAll(): Promise<readonly WeightFile[]> {
    const stored = await Promise.all(
      weightNames(this.#source).map(async (path) => ({ path, data: await this.#source.bytes(path) })),
    );
    return this.#widened ? [this.#widened(stored)] : stored;
  }

  release(): void {
    this.#files = undefined;
  }
}
