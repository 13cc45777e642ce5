/**
 * JSON from strangers. JSON.parse alone keeps the last of two equal keys, so a file that names a tensor twice would pass,
 * and it takes minutes over text that nests millions deep. One scan before parsing refuses both; the scan knows strings
 * and brackets only and leaves the rest of the grammar to JSON.parse.
 */

export interface JsonLimits {
  readonly maxDepth: number;
  /** Refuse equal keys in the outermost object and in its members. */
  readonly uniqueKeys: boolean;
}

/** Objects and lists in one text: three a tensor makes a million tensors, and some 200 MB of memory. */
const maxContainers = 3_000_000;

/** @throws Error with the reason in words; the caller names the file. */
export function parseJson(text: string, limits: JsonLimits): unknown {
  scan(text, limits);
  return JSON.parse(text) as unknown;
}

function scan(text: string, { maxDepth, uniqueKeys }: JsonLimits): void {
  const open: (Set<string> | undefined)[] = []; // the keys of each open object; undefined where none are compared
  let numContainers = 0;
  let keyIsNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{" || c === "[") {
      if (open.length === maxDepth) throw new Error(`it nests deeper than ${maxDepth}`);
      if (++numContainers > maxContainers) throw new Error(`it has more than ${maxContainers} objects and lists`);
      open.push(c === "{" && uniqueKeys && open.length < 2 ? new Set() : undefined);
      keyIsNext = true;
    } else if (c === "}" || c === "]") open.pop();
    else if (c === ",") keyIsNext = true;
    else if (c === '"') {
      const end = endOfString(text, i);
      if (keyIsNext) addKey(open.at(-1), text.slice(i, end));
      keyIsNext = false;
      i = end - 1;
    }
  }
}

function addKey(keys: Set<string> | undefined, quoted: string): void {
  if (!keys) return;
  const key = JSON.parse(quoted) as string;
  if (keys.has(key)) throw new Error(`it names ${JSON.stringify(key)} twice`);
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
