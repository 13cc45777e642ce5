/** Mobile and ID-card numbers, bank cards, e-mail addresses; how they are found is personal-data.ts of the room. */
import { findPersonalData, personalDataStream } from "../personal-data.js";
import type { Detector } from "../verdict.js";
import { spanDetector } from "./spans.js";

export function openPersonalData(): Detector {
  return spanDetector("personal-data-1", findPersonalData, personalDataStream);
}
