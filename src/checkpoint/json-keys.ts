/**
 * Duplicate keys of a JSON object: JSON.parse silently keeps the last one, but a file that names a tensor twice is
 * damaged or hostile. One pass over text that JSON.parse has already accepted, so only strings and depth matter.
 */

/** The first key that stands twice at the top level, if any. */
export function duplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let expectKey = false;
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === "{" || c === "[") {
      depth++;
      expectKey = depth === 1;
    } else if (c === "}" || c === "]") depth--;
    else if (c === "," && depth === 1) expectKey = true;
    else if (c === '"') {
      const end = endOfString(json, i);
      if (expectKey) {
        const key = JSON.parse(json.slice(i, end)) as string;
        if (seen.has(key)) return key;
        seen.add(key);
        expectKey = false;
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Position after the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  for (let i = start + 1; ; i++) {
    if (json[i] === "\\") i++;
    else if (json[i] === '"') return i + 1;
  }
}
