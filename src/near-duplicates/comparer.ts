/**
 * Looking at pictures and comparing them, here or on a thread: a megapixel takes a third of a second, in which a server would write
 * no answers.
 */
import { TypedWorker } from "../core/worker/index.js";
import type { CompareMethods } from "./compare-worker.js";
import { type Fingerprint, lookOf, type QueryImage } from "./fingerprint.js";
import { showsNothingElse } from "./same-picture.js";

export interface Comparer {
  look(picture: QueryImage): Promise<Fingerprint>;
  /** Whether the picture shows nothing that the kept one does not. */
  compare(picture: Fingerprint, kept: Fingerprint): Promise<boolean>;
  close(): Promise<void>;
}

export const comparesHere: Comparer = {
  look: async (picture) => lookOf(picture),
  compare: async (picture, kept) => showsNothingElse(picture, kept),
  close: async () => {},
};

export class CompareThread implements Comparer {
  readonly #worker = new TypedWorker<CompareMethods>({
    script: ["compare-worker", import.meta.url],
    name: "the comparison of images",
  });

  look({ width, height, data, lumaSteps }: QueryImage): Promise<Fingerprint> {
    return this.#worker.call("look", [{ width, height, data, lumaSteps }]);
  }

  compare(picture: Fingerprint, kept: Fingerprint): Promise<boolean> {
    return this.#worker.call("compare", [picture, kept]);
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}
