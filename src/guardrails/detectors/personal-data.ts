/** Personal data by kinds; how they are found is the folder `personal/`. */
import { createHash } from "node:crypto";
import type { GuardConfig } from "../policy.js";
import { personalDataFinder } from "../unescaped.js";
import type { Detector } from "../verdict.js";
import { spanDetector } from "./spans.js";

type Config = Extract<GuardConfig, { type: "personal-data" }>;

/** Another one when the same text has other finds by our code. */
const rules = "personal-data-2";

export function openPersonalData({ kinds, weak, patterns }: Config): Detector {
  const options = { kinds, weak, patterns };
  const version = createHash("sha256")
    .update(JSON.stringify([rules, options]))
    .digest("hex")
    .slice(0, 12);
  return spanDetector(version, personalDataFinder(options), { kind: "personal-data", options });
}
