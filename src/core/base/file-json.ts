/**
 * JSON from strangers. JSON.parse alone keeps the last of two equal keys, so a file that names a tensor twice would pass,
 * and it takes minutes over text that nests millions deep. One scan before parsing refuses both; the scan knows strings
 * and brackets only and leaves the rest of the grammar to JSON.parse.
 */

import { JsonProblem, parseJson } from "./json.js";
import { shorten } from "./printable.js";

export interface FileJsonLimits {
  readonly maxDepth: number;
  /** Refuse equal keys in the outermost object and in its members. */
  readonly uniqueKeys: boolean;
}

/**
 * Of one text. The largest published tokenizer.json (a vocabulary of 262,144 and 514,906 merges) has 310,000 keys and
 * 2.9 million of the rest: strings, objects, lists and commas. A key costs up to 200 bytes and a microsecond.
 */
const maxKeys = 500_000;
const maxValues = 3_200_000;

/** @throws JsonProblem with the reason; the caller names the file. */
export function parseFileJson(text: string, limits: FileJsonLimits): unknown {
  scan(text, limits);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw where(text) ?? cause;
  }
}

/** In our reader's words, which quote nothing of the text: errors of JSON.parse do, and a text may hold secrets. */
function where(text: string): JsonProblem | undefined {
  try {
    parseJson(text, { maxDepth: 1024, maxValues: maxValues + maxKeys, maxKeys });
  } catch (problem) {
    if (problem instanceof JsonProblem) return problem;
  }
  return undefined;
}

function scan(text: string, { maxDepth, uniqueKeys }: FileJsonLimits): void {
  const open: (Set<string> | undefined)[] = []; // the keys of each open object; undefined where none are compared
  let [numKeys, numValues] = [0, 0];
  let keyIsNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") {
      if (open.length === maxDepth) throw new JsonProblem(`it nests deeper than ${maxDepth}`, { limit: maxDepth });
      open.push(c === "{" && uniqueKeys && open.length < 2 ? new Set() : undefined);
      numValues++;
      keyIsNext = true;
    } else if (c === "}" || c === "]") open.pop();
    else if (c === ",") {
      numValues++;
      keyIsNext = true;
    } else if (c === ":") numKeys++;
    else if (c === '"') {
      const end = endOfString(text, i);
      if (keyIsNext) addKey(open.at(-1), text.slice(i, end));
      else numValues++;
      keyIsNext = false;
      i = end - 1;
    }
    if (numKeys > maxKeys) throw new JsonProblem(`it has more than ${maxKeys} keys`, { limit: maxKeys });
    if (numValues > maxValues) throw new JsonProblem(`it has more than ${maxValues} values`, { limit: maxValues });
  }
}

function addKey(keys: Set<string> | undefined, quoted: string): void {
  if (!keys) return;
  const key = JSON.parse(quoted) as string;
  if (keys.has(key)) throw new JsonProblem(`it names ${JSON.stringify(shorten(key))} twice`, { key: shorten(key) });
  keys.add(key);
}

/** Position after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}
