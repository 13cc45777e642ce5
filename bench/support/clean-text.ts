/** Text that no one wrote to get past a filter: the pages and manuals under the given folders, without markup. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** At most `maxBytes` of UTF-8, file by file in the order of their names. */
export function cleanText(paths: readonly string[], maxBytes: number): string {
  const parts: string[] = [];
  let numBytes = 0;
  for (const file of paths.flatMap(filesUnder)) {
    if (numBytes >= maxBytes) break;
    const text = plain(file);
    parts.push(text);
    numBytes += Buffer.byteLength(text);
  }
  return parts.join("\n");
}

function filesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => join(path, name));
  return files.filter((file) => /\.(html|txt|\d)(\.gz)?$/.test(file) && statSync(file).isFile());
}

/** Tags, scripts and entities of HTML, requests of roff. */
function plain(file: string): string {
  const bytes = readFileSync(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  if (/\.\d(\.gz)?$/.test(file)) return text.replace(/^[.'].*$/gm, "").replace(/\\f.|\\\(..|\\./g, "");
  return text
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]*>/g, "")
    .replace(/&\w+;|&#\d+;/g, " ");
}
