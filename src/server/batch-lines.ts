/** The input of a batch: a request a line, all of them checked before one is asked. */
import { fieldExpectation, fieldProblems, firstOf, type JsonLimits, parseJson } from "../core/base/index.js";
import { type BatchLine, batchLineSchema, type WireBatch } from "../protocol/index.js";

/** OpenAI's most. */
const maxRequests = 50_000;
/** Problems of an input that are listed: one that is wrong in every line need not say so 50,000 times. */
const maxProblems = 100;
/** The server's bounds of a body are tighter: it says what is too much, of one request. */
const lineLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 20, maxKeys: 2 ** 18 };
type Problem = NonNullable<WireBatch["errors"]>["data"][number];

/** Every line, so that a slip in the last is told before hours of work. */
export function readBatchLines(
  text: string,
  endpoint: WireBatch["endpoint"],
): { lines: BatchLine[]; problems: Problem[] } {
  const lines: BatchLine[] = [];
  const problems: Problem[] = [];
  const ids = new Set<string>();
  const problem = (code: string, message: string, line: number | null, param: string | null = null) =>
    problems.push({ code, message, line, param });
  for (const [i, written] of text.split("\n").entries()) {
    if (problems.length >= maxProblems) break;
    if (written.trim() === "") continue;
    const read = readLine(written);
    if (typeof read === "string") problem("invalid_json_line", read, i + 1);
    else if (read.url !== endpoint)
      problem("mismatched_endpoint", `expected ${endpoint}, found ${read.url}`, i + 1, "url");
    else if (ids.has(read.custom_id))
      problem("duplicate_custom_id", `the custom_id ${read.custom_id} appears twice`, i + 1, "custom_id");
    else {
      ids.add(read.custom_id);
      lines.push(read);
    }
    if (lines.length > maxRequests) {
      problem("too_many_tasks", `a batch has at most ${maxRequests} requests`, null);
      break;
    }
  }
  if (lines.length + problems.length === 0) problem("empty_file", "expected one request a line, found none", null);
  return { lines, problems };
}

/** @returns what is wrong with it, in words, where something is. */
function readLine(text: string): BatchLine | string {
  try {
    const json = parseJson(text, lineLimits);
    const request = batchLineSchema.safeParse(json, { error: fieldExpectation });
    if (!request.success) return firstOf(fieldProblems(request.error));
    return { ...request.data, body: (json as BatchLine).body }; // as it is written there
  } catch (error) {
    return `expected JSON: ${(error as Error).message}`;
  }
}
