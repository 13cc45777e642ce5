/** Sensitive words, from lists of the policy; how they are found is the room's `words/`. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ioError, OcellusError } from "../../core/base/index.js";
import type { GuardConfig } from "../policy.js";
import { wordFinder } from "../unescaped.js";
import type { Detector } from "../verdict.js";
import { parseWordList, type WordRule, wordListFormat } from "../words/index.js";
import { spanDetector } from "./spans.js";

type Config = Extract<GuardConfig, { type: "words" }>;

/** Half a million words; more is a dictionary. */
const maxListBytes = 16 * 2 ** 20;

/** @throws `not_found`, `io`, `invalid_file` (naming the line), `too_large`. */
export async function openWords(config: Config, folder: string): Promise<Detector> {
  const hash = createHash("sha256").update(JSON.stringify([config.foldings, config.allow]));
  const rules: WordRule[] = [];
  for (const list of config.lists) {
    const { file, format } = typeof list === "string" ? { file: list, format: wordListFormat(list) } : list;
    const text = await readList(resolve(folder, file));
    hash.update(text);
    rules.push(...parseWordList(text, format, file));
  }
  const options = { ...config.foldings, allow: config.allow };
  const version = hash.digest("hex").slice(0, 12);
  return spanDetector(version, wordFinder(rules, options), { kind: "words", rules, options });
}

async function readList(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxListBytes)
      throw new OcellusError("too_large", `${path}: ${size} bytes, a list of words may have ${maxListBytes}`);
    return await readFile(path, "utf8");
  } catch (error) {
    throw error instanceof OcellusError ? error : ioError("read the list of words", path, error);
  }
}
