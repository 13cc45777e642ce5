/** The input of a batch: a request a line, all of them checked before one is asked; in slices of time, for the server answers others meanwhile. */
import { setImmediate as breathe } from "node:timers/promises";
import { fieldExpectation, fieldProblems, firstOf, invariant, type JsonLimits, parseJson } from "../core/base/index.js";
import { type BatchLine, batchLineSchema, type WireBatch } from "../protocol/index.js";

/** OpenAI's most. */
const maxRequests = 50_000;
/** Problems of an input that are listed: one that is wrong in every line need not say so 50,000 times. */
const maxProblems = 100;
/** The server's bounds of a body are tighter: it says what is too much, of one request. */
const lineLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 20, maxKeys: 2 ** 18 };
type Problem = NonNullable<WireBatch["errors"]>["data"][number];

/** What is read of an input before others have their turn: a few milliseconds of the event loop. */
const sliceBytes = 2 ** 16;

/** Written lines with their numbers, none held. @param input asked for each line: its file may be deleted meanwhile, and it throws */
async function* writtenLines(input: () => Uint8Array): AsyncGenerator<{ text: string; line: number }> {
  const decoder = new TextDecoder();
  let sliceEnd = sliceBytes;
  for (let [start, line] = [0, 1]; start < input().length; line++) {
    const newline = input().indexOf(10, start);
    const end = newline < 0 ? input().length : newline;
    const text = decoder.decode(input().subarray(start, end));
    start = end + 1;
    if (text.trim() !== "") yield { text, line };
    if (start < sliceEnd) continue;
    await breathe();
    sliceEnd = start + sliceBytes;
  }
}

/** Every line, so that a mistake in the last one is reported before hours of work. */
export async function checkBatchLines(
  input: () => Uint8Array,
  endpoint: WireBatch["endpoint"],
): Promise<{ total: number; problems: Problem[] }> {
  const problems: Problem[] = [];
  const ids = new Set<string>();
  const problem = (code: string, message: string, line: number | null, param: string | null = null) =>
    problems.push({ code, message, line, param });
  for await (const { text, line } of writtenLines(input)) {
    const read = readLine(text);
    if (typeof read === "string") problem("invalid_json_line", read, line);
    else if (read.url !== endpoint)
      problem("mismatched_endpoint", `expected ${endpoint}, found ${read.url}`, line, "url");
    else if (ids.has(read.custom_id))
      problem("duplicate_custom_id", `the custom_id ${read.custom_id} appears twice`, line, "custom_id");
    else ids.add(read.custom_id);
    if (ids.size > maxRequests) problem("too_many_tasks", `a batch has at most ${maxRequests} requests`, null);
    if (ids.size > maxRequests || problems.length >= maxProblems) break;
  }
  if (ids.size + problems.length === 0) problem("empty_file", "expected one request a line, found none", null);
  return { total: ids.size, problems };
}

/** The requests of an input that was checked, each read when it is asked for. */
export async function* batchRequests(input: () => Uint8Array): AsyncGenerator<BatchLine> {
  for await (const { text } of writtenLines(input)) {
    const read = readLine(text);
    invariant(typeof read !== "string", "the line was checked");
    yield read;
  }
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
