/** What a model is loaded with, so that near-duplicates of its cached images need not be encoded. */
import type { OpenNearDuplicates } from "../core/runtime/index.js";
import { CompareThread } from "./comparer.js";
import { NearDuplicates } from "./near-duplicates.js";
import { seeNear } from "./see.js";

export interface NearDuplicatesOptions {
  /** Of what cached images look like, for each model. Default 64 MiB: forty images of a megapixel. */
  readonly maxBytes?: number;
}

export function nearDuplicates({ maxBytes = 64 * 2 ** 20 }: NearDuplicatesOptions = {}): OpenNearDuplicates {
  return ({ onThread }) => {
    const near = new NearDuplicates(maxBytes, onThread ? new CompareThread() : undefined);
    return {
      get bytes() {
        return near.bytes;
      },
      seeing: (see, cached) => seeNear(see, near, cached),
      close: () => near.close(),
    };
  };
}
