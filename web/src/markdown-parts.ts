/**
 * Markdown cut where it can be parsed apart: before a paragraph or heading that follows a blank line, outside fenced code. Lists,
 * quotes, tables, indented lines and what begins with a digit stay with what they continue.
 */
const fence = /^ {0,3}(```+|~~~+)(\s*$)?/;
/** By its first character, for more of the line may come. */
const startsAfresh = /^[^\s>|*+\-\d]/;

/** Joined they are the text. A text that grows only changes its last part, or gets further ones. */
export function markdownParts(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let openFence = "";
  let isAfterBlank = false;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(at, next);
    if (openFence === "" && isAfterBlank && startsAfresh.test(line)) {
      parts.push(text.slice(from, at));
      from = at;
    }
    const [, mark = "", nothingElse] = fence.exec(line) ?? [];
    if (openFence === "") openFence = mark;
    else if (mark.startsWith(openFence) && nothingElse !== undefined) openFence = "";
    isAfterBlank = line.trim() === "" && end >= 0;
    at = next;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}
