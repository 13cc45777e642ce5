/** What is in a file that is not what was expected never is in the message: it may be a key file, or another user's. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkBatch } from "../src/cli/commands/ask/batch-input.js";
import { readSources } from "../src/cli/commands/index/index-sources.js";
import { readSideJson } from "../src/core/fs/index.js";
import { sniffFormat } from "../src/core/image/spec/index.js";
import { readEvalFiles } from "../src/evals/eval-set.js";
import { parsePolicy } from "../src/guardrails/index.js";
import { parseWordList } from "../src/guardrails/words/index.js";
import { parseBodyJson } from "../src/protocol/index.js";
import { readKeys } from "../src/server/index.js";
import { temporaryFolder } from "./support/folders.js";

const folder = temporaryFolder();
const path = join(folder, "list.jsonl");
const readers: Record<string, (text: string) => unknown> = {
  "a config": () => readSideJson(folder, "config.json"),
  "a batch": () => checkBatch(path),
  "an evaluation": () => readEvalFiles([path]),
  "a list of pictures": () => readSources([path]),
  "a policy": (text) => parsePolicy(text, "policy.json"),
  "a word list": (text) => parseWordList(text, "json", "words.json"),
  "a picture": (text) => sniffFormat(Buffer.from(text), "image"),
  "a body": (text) => parseBodyJson(text),
  "a key file": () => readKeys(path),
};
const texts = ["secret", '{"a": secret}', '{"a": "x", secret', '[1, 2] "secret"', "\u0001secret", '"\\secret"'];

describe("the message about a file", () => {
  it.each(Object.keys(readers))("that is no %s says nothing of what it holds", async (what) => {
    for (const text of texts) {
      writeFileSync(path, text);
      writeFileSync(join(folder, "config.json"), text);
      const error = await (async () => readers[what]!(text))().catch((refused: unknown) => refused as Error);
      expect(error, text).toBeInstanceOf(Error);
      const { message, details } = error as Error & { details: unknown };
      expect(`${message} ${JSON.stringify(details)}`, text).not.toContain("secret");
    }
  });
});
