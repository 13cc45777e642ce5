/**
 * Looking at pictures and comparing them, here or on a thread: a megapixel takes a third of a second, in which a server would write
 * no answers.
 */
import { TypedWorker } from "../core/worker/index.js";
import type { CompareMethods } from "./compare-worker.js";
import { type Fingerprint, lookOf, type QueryImage } from "./fingerprint.js";
import { showsNothingElse } from "./same-image.js";

export interface Comparer {
  look(image: QueryImage): Promise<Fingerprint>;
  /** Whether the picture shows nothing that the kept one does not. */
  compare(image: Fingerprint, kept: Fingerprint): Promise<boolean>;
  close(): Promise<void>;
}

export const comparesHere: Comparer = {
  look: async (image) => lookOf(image),
  compare: async (image, kept) => showsNothingElse(image, kept),
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

  compare(image: Fingerprint, kept: Fingerprint): Promise<boolean> {
    return this.#worker.call("compare", [image, kept]);
  }

  close(): Promise<void> {
    return this.#worker.close();
  }
}
