/** For answers of the bundled model that must not end by themselves: the ends that its checkpoint names, biased away. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./folders.js";

const path = join(repository, "checkpoints/ocellus-tiny/generation_config.json");
const { eos_token_id: ends } = JSON.parse(readFileSync(path, "utf8")) as { eos_token_id: number[] };

/** A `logit_bias`. */
export const endless: Readonly<Record<string, number>> = Object.fromEntries(ends.map((id) => [id, -100]));
