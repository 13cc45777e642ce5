/** Sensitive words, from lists of the policy; how they are found is the room's `words/`. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { ioError, OcellusError } from "../../base/index.js";
import type { GuardConfig } from "../policy.js";
import type { Detector, Finding } from "../verdict.js";
import { buildMatcher, parseWordList, type Span, type WordRule } from "../words/index.js";

type Config = Extract<GuardConfig, { type: "words" }>;

/** Half a million words; more is a dictionary. */
const maxListBytes = 16 * 2 ** 20;

/** @throws `not_found`, `io`, `invalid_file` (naming the line), `too_large`. */
export async function openWords(config: Config, folder: string): Promise<Detector> {
  const hash = createHash("sha256").update(JSON.stringify([config.foldings, config.allow]));
  const rules: WordRule[] = [];
  for (const list of config.lists) {
    const { file, format } = typeof list === "string" ? { file: list, format: formatOf(list) } : list;
    const text = await readList(resolve(folder, file));
    hash.update(text);
    rules.push(...parseWordList(text, format, file));
  }
  const matcher = buildMatcher(rules, { ...config.foldings, allow: config.allow });
  return {
    version: hash.digest("hex").slice(0, 12),
    reads: ["text"],
    isCostly: false,
    look: async (subject) => (subject.kind === "text" ? matcher.find(subject.text).map(finding) : []),
    watch() {
      const stream = matcher.stream();
      return {
        push(chunk) {
          const { ready, spans } = stream.push(chunk);
          return { ready, findings: spans.map(finding) };
        },
        end: () => stream.end().spans.map(finding),
      };
    },
  };
}

/** Severities 1 to 5 are the scores 0.6 to 1: half a certainty, the threshold without a rule, is below them all. */
function finding({ start, end, category, word, severity }: Span): Finding {
  return { category, score: Math.min(1, 0.5 + severity / 10), reason: word, span: { start, end } };
}

function formatOf(file: string): "text" | "json" | "csv" {
  const extension = extname(file).toLowerCase();
  return extension === ".json" ? "json" : extension === ".csv" ? "csv" : "text";
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
