/** A misspelt field in a file that people write is refused by its name, with the line and the nearest names, in every kind of file. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../../core/base/temporary-folder.testkit.js";
import { readEvalFiles } from "../../../evals/index.js";
import { parsePolicy } from "../../../guardrails/index.js";
import { createKey, readKeys } from "../../../server/index.js";
import { checkBatch } from "../ask/batch-input.js";
import { readSources } from "../index/index-sources.js";

const lines = (...values: readonly object[]) => values.map((value) => JSON.stringify(value)).join("\n");
const request = { method: "POST", url: "/v1/embeddings", body: {} };
const { name, ...key } = createKey("alice").key;

it.each<[string, string, (path: string, text: string) => unknown, RegExp]>([
  [
    "a batch",
    lines({ custom_id: "1", ...request }, { custom_id: "2", bodi: {}, ...request }),
    checkBatch,
    /:2: .*\bbodi\b.*\bbody\b/,
  ],
  [
    "questions",
    lines({ image: "a", questions: [{ question: "q", answer: "a", langage: "en" }] }),
    (path) => readEvalFiles([path]),
    /:1: questions\.0: .*\blangage\b.*\blanguage\b/,
  ],
  [
    "sources of a collection",
    lines({ image: "a" }, { image: "b", metdata: {} }),
    async (path) => {
      const { failed } = await readSources([path]); // the other lines are taken
      throw new Error(failed.map(({ problem }) => problem).join("\n"));
    },
    /:2: .*\bmetdata\b.*\bmetadata\b/,
  ],
  [
    "keys",
    JSON.stringify(
      {
        keys: [
          { ...key, name },
          { ...key, name, request_per_minute: 1 },
        ],
      },
      null,
      1,
    ),
    readKeys,
    /:\d+: .*keys\.1: .*\brequest_per_minute\b.*\brequestsPerMinute\b/,
  ],
  [
    "a policy",
    '{\n "guards": {},\n "ruls": []}',
    async (path, text) => parsePolicy(text, path),
    /:3: ruls: .*\brules\b/,
  ],
])("in %s", async (_, text, read, place) => {
  const path = join(temporaryFolder(), "file.jsonl");
  await writeFile(path, text);
  await expect(read(path, text)).rejects.toMatchObject({ message: expect.stringMatching(place) });
});
