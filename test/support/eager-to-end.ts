/**
 * A bias towards the tokens that end strings and objects of JSON. The bundled demo model never learnt JSON: left to itself it writes
 * on for ever or not, by chance, where a test needs an answer that ends.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./folders.js";

/** By token id, as `logit_bias` takes it. */
export function eagerToEnd(): Record<string, number> {
  const tokenizer = readFileSync(join(repository, "checkpoints/ocellus-tiny/tokenizer.json"), "utf8");
  const { vocab } = (JSON.parse(tokenizer) as { model: { vocab: Record<string, number> } }).model;
  return Object.fromEntries(['"', '"}', "}"].flatMap((sign) => (sign in vocab ? [[vocab[sign]!, 20]] : [])));
}
