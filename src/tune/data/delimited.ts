/**
 * Lines of a file of comma- or tab-separated values → cells: quotes around a cell, doubled inside it [RFC 4180]. A cell holds
 * no line break: a quote that is left open would swallow the rest of the file.
 */
import { OcellusError } from "../../core/base/index.js";

/** @throws `invalid_file` naming the line, for a quote that does not end or is followed by more. */
export function cellsOf(line: string, separator: string, origin: string): string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const [cell, end] = line[at] === '"' ? quoted(line, at, origin) : plain(line, at, separator);
    cells.push(cell.trim());
    if (end === line.length) return cells;
    if (line[end] !== separator) throw malformed(origin, end, "text behind the closing quote of a cell");
    at = end + 1;
  }
}

function plain(line: string, start: number, separator: string): [string, number] {
  const found = line.indexOf(separator, start);
  const end = found < 0 ? line.length : found;
  return [line.slice(start, end), end];
}

function quoted(line: string, start: number, origin: string): [string, number] {
  let cell = "";
  for (let at = start + 1; ; ) {
    const end = line.indexOf('"', at);
    if (end < 0) throw malformed(origin, start, "a quote that does not end on its line");
    cell += line.slice(at, end);
    if (line[end + 1] !== '"') return [cell, end + 1];
    cell += '"';
    at = end + 2;
  }
}

function malformed(origin: string, column: number, found: string): OcellusError {
  const message = `${origin}: expected separated cells, found ${found} at column ${column + 1}`;
  return new OcellusError("invalid_file", message, { details: { origin, column: column + 1, found } });
}
