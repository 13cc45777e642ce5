/** How busy a server is with those who wait for their answers: for work that is behind all of it. */
import type { Semaphore } from "../../core/base/index.js";
import type { ModelCatalog } from "../model-catalog.js";

export class LiveLoad {
  readonly #models: Pick<ModelCatalog, "all">;
  readonly #pixels: Pick<Semaphore, "numWaiting">;

  /** @param models all of the server @param pixels where pictures wait for room */
  constructor(models: Pick<ModelCatalog, "all">, pixels: Pick<Semaphore, "numWaiting">) {
    this.#models = models;
    this.#pixels = pixels;
  }

  /** Answers that have a place, whoever they are for. */
  get numRunning(): number {
    return this.#models.all().reduce((sum, { gate }) => sum + gate.stats.running, 0);
  }

  /** Somebody waits: for a place, for a slot of the engine, for room for pictures. */
  get isCrowded(): boolean {
    if (this.#pixels.numWaiting > 0) return true;
    return this.#models.all().some((served) => {
      const { waiting, running } = served.gate.stats;
      return waiting > 0 || (served.kind === "chat" && running > served.model.info.maxSequences);
    });
  }
}
