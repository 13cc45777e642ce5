/**
 * Lists of words from files, as they are published. Text: one word a line, or several with commas, tabs or bars between them, `# category: NAME` and `# severity: 1` for those that follow, other lines
 * with `#` or `//` are comments; what can be no word is left out, and `lintWords` says so. CSV: word,category,severity, with or without that line as a heading. JSON: `{ "category": [words] }`
 * or a list of `{ word, category, severity }`.
 */
import { type JsonLimits, OcellusError, parseJson } from "../../core/base/index.js";
import type { WordRule } from "./rule.js";

export type WordListFormat = "text" | "json" | "csv";

/** Ten times the largest list in use; the automaton of one has some five million nodes. */
const maxWords = 1_000_000;
const defaultCategory = "words";

export interface ReadList {
  readonly rules: readonly WordRule[];
  /** Rule → its line; of JSON its number. */
  readonly lines: readonly number[];
  /** Entries of a text that can be no word, and those that stand there twice. */
  readonly leftOut: readonly {
    readonly line: number;
    readonly word: string;
    readonly kind: "unusable" | "duplicate";
  }[];
}

/** As `readWordList`: the words alone. */
export function parseWordList(text: string, format: WordListFormat, name: string): readonly WordRule[] {
  return readWordList(text, format, name).rules;
}

/**
 * @param name said in errors, with the line
 * @throws `invalid_file` for a mistake in JSON, CSV or a heading; a text's lines are taken as they come
 */
export function readWordList(text: string, format: WordListFormat, name: string): ReadList {
  const plain = text.replace(/^\ufeff/, "");
  const entries =
    format === "json"
      ? parseJsonRules(plain, name).map((rule, i) => ({ line: i + 1, rule }))
      : parseLines(plain, format, name);
  const seen = new Set<string>();
  const rules: WordRule[] = [];
  const lines: number[] = [];
  const leftOut: { line: number; word: string; kind: "unusable" | "duplicate" }[] = [];
  for (const { line, rule } of entries) {
    const identity = JSON.stringify([rule.word.toLowerCase().normalize("NFKC"), rule.category, rule.severity]);
    if (!isWord(rule.word)) leftOut.push({ line, word: rule.word, kind: "unusable" });
    else if (seen.has(identity)) leftOut.push({ line, word: rule.word, kind: "duplicate" });
    else {
      seen.add(identity);
      rules.push(rule);
      lines.push(line);
    }
  }
  if (rules.length <= maxWords) return { rules, lines, leftOut };
  throw new OcellusError(
    "too_large",
    `${name}: expected at most ${maxWords} words, found ${rules.length}; split the list`,
  );
}

/** By the name's ending; what is neither JSON nor CSV is text. */
export function wordListFormat(name: string): WordListFormat {
  const ending = /\.(json|csv)$/i.exec(name)?.[1];
  return ending === undefined ? "text" : (ending.toLowerCase() as WordListFormat);
}

interface Entry {
  readonly line: number;
  readonly rule: WordRule;
}

function parseLines(text: string, format: "text" | "csv", name: string): Entry[] {
  const rules: Entry[] = [];
  let setting = { category: defaultCategory, severity: 1 };
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const place = `${name}, line ${i + 1}`;
    if (line === "") continue;
    if (format === "csv") {
      const cells = csvCells(line, place);
      if (i > 0 || cells[0]!.toLowerCase() !== "word") rules.push({ line: i + 1, rule: csvRule(cells, place) });
    } else if (/^(?:#|\/\/)/.test(line)) setting = headed(line, setting, place);
    else for (const word of wordsOf(line)) rules.push({ line: i + 1, rule: { word, ...setting } });
  }
  return rules;
}

/** Several words where signs between them leave each two characters or more: `法,轮` is one, written apart. */
function wordsOf(line: string): string[] {
  const words = line
    .split(/[\t|,;，；、]/)
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return words.length > 0 && words.every((word) => word.length >= 2) ? words : [line];
}

function headed<S extends { category: string; severity: number }>(line: string, setting: S, place: string): S {
  const [, key, value] = /^#\s*(category|severity)\s*:(.+)$/.exec(line) ?? [];
  if (key === undefined) return setting;
  const trimmed = value!.trim();
  return { ...setting, [key]: key === "severity" ? checkedSeverity(trimmed, place) : trimmed };
}

function csvCells(line: string, place: string): string[] {
  const cells = [...line.matchAll(/(?:^|,)(?:\s*"((?:[^"]|"")*)"\s*(?=,|$)|([^",]*))/g)];
  if (cells.map(([cell]) => cell).join("") === line)
    return cells.map(([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain!).trim());
  throw wrong(place, "word,category,severity", `a stray quote in ${line}`);
}

function csvRule([word, category, severity, ...more]: readonly string[], place: string): WordRule {
  if (more.length > 0) throw wrong(place, "word,category,severity", `${more.length + 3} cells`);
  return {
    word: checkedWord(word, place),
    category: category || defaultCategory,
    severity: severity ? checkedSeverity(severity, place) : 1,
  };
}

/** A list of half a million words, each with its category and severity. */
const wordLimits: JsonLimits = { maxDepth: 16, maxValues: 2 ** 22, maxKeys: 2 ** 21 };

function parseJsonRules(text: string, name: string): WordRule[] {
  let value: unknown;
  try {
    value = parseJson(text, wordLimits);
  } catch (cause) {
    throw new OcellusError("invalid_file", `${name}: expected JSON: ${(cause as Error).message}`, {
      details: { place: name, expected: "JSON" },
      cause,
    });
  }
  if (Array.isArray(value))
    return value.map((entry, i) => jsonRule(entry, defaultCategory, `${name}, ${entryPlace(text, i)}`));
  if (typeof value !== "object" || value === null) throw wrong(name, "a list or an object of lists", typeof value);
  return Object.entries(value).flatMap(([category, words]) => {
    const place = `${name}, line ${lineOf(text, text.indexOf(JSON.stringify(category)))}, category ${category}`;
    if (Array.isArray(words)) return words.map((entry, i) => jsonRule(entry, category, `${place}, word ${i + 1}`));
    throw wrong(place, "a list of words", typeof words);
  });
}

/** JSON.parse keeps no lines; an entry is named by its number, and by its line when each has one of its own. */
function entryPlace(text: string, i: number): string {
  const lines = text.split("\n").flatMap((line, n) => (/^\s*["{]/.test(line) ? [n + 1] : []));
  return lines.length > i && /^\s*\[\s*\n/.test(text) ? `line ${lines[i]}` : `entry ${i + 1}`;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, Math.max(0, at)).split("\n").length;
}

function jsonRule(entry: unknown, category: string, place: string): WordRule {
  if (typeof entry === "string") return { word: checkedWord(entry, place), category, severity: 1 };
  const { word, category: own, severity } = (entry ?? {}) as Record<string, unknown>;
  if (own !== undefined && (typeof own !== "string" || own === ""))
    throw wrong(place, '"category" to be a text', JSON.stringify(own));
  return {
    word: checkedWord(word, place),
    category: own ?? category,
    severity: severity === undefined ? 1 : checkedSeverity(severity, place),
  };
}

function wrong(place: string, expected: string, found: string): OcellusError {
  return new OcellusError("invalid_file", `${place}: expected ${expected}, found ${found}`, {
    details: { place, expected, found },
  });
}

function isWord(word: string): boolean {
  return /[\p{L}\p{N}]/u.test(word) && [...word].length <= 64;
}

function checkedWord(word: unknown, place: string): string {
  if (typeof word === "string" && isWord(word)) return word.trim();
  throw wrong(place, "a word of 1 to 64 characters with a letter or a digit", JSON.stringify(word) ?? "none");
}

function checkedSeverity(value: unknown, place: string): number {
  const severity = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (Number.isInteger(severity) && (severity as number) >= 1 && (severity as number) <= 5) return severity as number;
  throw wrong(place, "a severity from 1 to 5", JSON.stringify(value));
}
