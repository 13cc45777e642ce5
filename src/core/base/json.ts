/**
 * JSON from outside, read within bounds and without loss [RFC 8259]. Values are plain JavaScript ones, as JSON.parse makes
 * them, but two things that those cannot hold are noted beside their list or object: the written order of members where a
 * name looks like a number (`{"b":…,"2":…}`: JavaScript moves "2" to the front), and the digits of numbers that JavaScript
 * spells otherwise (19 digits, `1.0`, `1e400`). `entriesOf`, `numberText` and `stringifyJson` know the notes; a
 * copy (spread, structuredClone, a validator's) has none unless `withNotesOf` hands them on.
 *
 * Bounds are counted while the text is read, before anything is made of the part that goes beyond them:
 *   parseJson(text, { maxDepth, maxValues, maxKeys })   throws JsonProblem with `details` and a reason without a subject
 */

export interface JsonLimits {
  /** Levels of lists and objects within each other. */
  readonly maxDepth: number;
  /** Lists, objects, strings, numbers and words, all together. */
  readonly maxValues: number;
  /** Names of members, all together: each costs some 100 bytes and a look-up. */
  readonly maxKeys: number;
  /** UTF-16 code units of one string or name, escapes counted as written. Default: no bound of its own. */
  readonly maxStringLength?: number;
}

/** Of a file of settings, questions or words, which someone has written. */
export const fileLimits: JsonLimits = { maxDepth: 128, maxValues: 2 ** 22, maxKeys: 2 ** 20 };

/** What is wrong with a text; the caller says whose text it is. */
export class JsonProblem extends Error {
  readonly details: Readonly<Record<string, string | number>>;

  constructor(message: string, details: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.details = details;
  }

  /** It went beyond a bound, and may be JSON for all that was read. */
  get isTooLarge(): boolean {
    return "limit" in this.details;
  }
}

/** The largest double has 309 digits, a Python integer at most 4300; more is no number anyone works with. */
const maxNumberLength = 4300;

interface Notes {
  /** Of an object's members, as written. */
  keys?: readonly string[];
  /** By name or index. */
  readonly numbers: Map<string, string>;
}
const notes = new WeakMap<object, Notes>();

/** @throws JsonProblem */
export function parseJson(text: string, limits: JsonLimits): unknown {
  return new Reader(text, limits).whole();
}

/** The members of the object that a text holds, each as its own text. @throws JsonProblem */
export function memberTexts(text: string, limits: JsonLimits): ReadonlyMap<string, string> {
  const spans = new Map<string, string>();
  new Reader(text, limits, (key, start, end) => spans.set(key, text.slice(start, end))).whole();
  return spans;
}

/** Members of an object as they were written, or items of a list. */
export function entriesOf(container: object): [string, unknown][] {
  const keys = notes.get(container)?.keys;
  if (!keys) return Object.entries(container);
  return keys.map((key) => [key, (container as Readonly<Record<string, unknown>>)[key]]);
}

/** The digits of a number as they were written, where JavaScript would write others; a copy may have no number there. */
export function numberText(container: object, key: string | number): string | undefined {
  if (typeof (container as Readonly<Record<string, unknown>>)[key] !== "number") return undefined;
  return notes.get(container)?.numbers.get(String(key));
}

/** As JSON.stringify without spaces, in the written order and with the written digits. */
export function stringifyJson(value: unknown): string {
  return print(value) ?? "null";
}

function print(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || isPrintedByItself(value)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item, i) => numberText(value, i) ?? print(item) ?? "null").join(",")}]`;
  const members = entriesOf(value).flatMap(([key, member]) => {
    const text = numberText(value, key) ?? print(member);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(",")}}`;
}

/** Dates and their like. */
function isPrintedByItself(value: object): boolean {
  return "toJSON" in value && typeof value.toJSON === "function";
}

/** A copy with the same names or items, and the notes of what it is a copy of. */
export function withNotesOf<T extends object>(original: object, copy: T): T {
  const noted = notes.get(original);
  if (noted) notes.set(copy, noted);
  return copy;
}

type OnMember = (key: string, start: number, end: number) => void;

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const words: Readonly<Record<string, unknown>> = { t: true, f: false, n: null };
/** An array index in JavaScript's sense: such names come first. */
const isIndex = (key: string) => /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;

class Reader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  readonly #onMember: OnMember | undefined;
  #at = 0;
  #depth = 0;
  #numValues = 0;
  #numKeys = 0;
  /** Of the number that was read last, if JavaScript spells it otherwise. */
  #digits: string | undefined;

  constructor(text: string, limits: JsonLimits, onMember?: OnMember) {
    this.#text = text;
    this.#limits = limits;
    this.#onMember = onMember;
  }

  whole(): unknown {
    this.#skipSpace();
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail("the end");
    return value;
  }

  #value(): unknown {
    if (++this.#numValues > this.#limits.maxValues) this.#refuse("maxValues", "values");
    this.#digits = undefined;
    const char = this.#text[this.#at];
    if (char === '"') return this.#string();
    if (char === "{" || char === "[") return this.#container(char);
    if (char !== undefined && Object.hasOwn(words, char)) return this.#word(words[char]);
    return this.#number();
  }

  #container(opening: "{" | "["): unknown {
    if (++this.#depth > this.#limits.maxDepth) this.#refuse("maxDepth", "levels of nesting");
    this.#at++;
    this.#skipSpace();
    const value = opening === "{" ? this.#object() : this.#list();
    this.#depth--;
    return value;
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    if (this.#takes("]")) return list;
    do {
      this.#skipSpace();
      list.push(this.#value());
      if (this.#digits !== undefined) this.#note(list, String(list.length - 1), this.#digits);
      this.#skipSpace();
    } while (this.#takes(","));
    this.#expect("]");
    return list;
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    if (this.#takes("}")) return object;
    let hasNotes = false;
    let order: Set<string> | undefined; // from the first index on: until then JavaScript keeps it
    do {
      const key = this.#key();
      if (!order && isIndex(key)) order = new Set(Object.keys(object));
      order?.add(key);
      const start = this.#at;
      setMember(object, key, this.#value());
      if (this.#digits !== undefined) {
        this.#note(object, key, this.#digits);
        hasNotes = true;
      } else if (hasNotes) notes.get(object)!.numbers.delete(key); // of two equal names the last one stands
      if (this.#depth === 1) this.#onMember?.(key, start, this.#at);
      this.#skipSpace();
    } while (this.#takes(","));
    this.#expect("}");
    if (order) notesOf(object).keys = [...order];
    return object;
  }

  #key(): string {
    this.#skipSpace();
    if (this.#text[this.#at] !== '"') this.#fail("a name in quotation marks");
    if (++this.#numKeys > this.#limits.maxKeys) this.#refuse("maxKeys", "names of members");
    const key = this.#string();
    this.#skipSpace();
    this.#expect(":");
    this.#skipSpace();
    return key;
  }

  #note(container: object, key: string, digits: string): void {
    notesOf(container).numbers.set(key, digits);
    this.#digits = undefined;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at;
    const most = start + (this.#limits.maxStringLength ?? text.length);
    let hasEscape = false;
    let at = start + 1;
    for (; ; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code === 0x5c) {
        hasEscape = true;
        at++;
      } else if (!(code >= 0x20)) this.#failAt(at, "a character of a string or its closing quotation mark");
      if (at > most) this.#refuse("maxStringLength", "characters in one string");
    }
    this.#at = at + 1;
    return hasEscape ? this.#unescaped(start) : text.slice(start + 1, at);
  }

  #unescaped(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch {
      return this.#failAt(start, "a string with escapes that JSON knows");
    }
  }

  #number(): number {
    number.lastIndex = this.#at;
    const [digits] = number.exec(this.#text) ?? this.#fail("a value");
    if (digits.length > maxNumberLength)
      throw new JsonProblem(`it has a number of more than ${maxNumberLength} digits`, { limit: maxNumberLength });
    this.#at += digits.length;
    const value = Number(digits);
    if (String(value) !== digits) this.#digits = digits;
    return value;
  }

  #word(value: unknown): unknown {
    const word = String(value);
    if (!this.#text.startsWith(word, this.#at)) this.#fail("a value");
    this.#at += word.length;
    return value;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #takes(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #expect(char: string): void {
    if (!this.#takes(char)) this.#fail(`"${char}"`);
  }

  #fail(expected: string): never {
    return this.#failAt(this.#at, expected);
  }

  /** Says where and what was expected, and nothing of the text: it may be a secret of whoever wrote it. */
  #failAt(at: number, expected: string): never {
    const found = at >= this.#text.length ? "the end" : "something else";
    throw new JsonProblem(`expected ${expected} at character ${at + 1}, found ${found}`, { at: at + 1 });
  }

  #refuse(name: "maxDepth" | "maxValues" | "maxKeys" | "maxStringLength", what: string): never {
    const limit = this.#limits[name]!;
    throw new JsonProblem(`it has more than ${limit} ${what}`, { limit, of: name });
  }
}

/** "__proto__" is a name like any other. */
function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function notesOf(container: object): Notes {
  const noted = notes.get(container) ?? { numbers: new Map() };
  notes.set(container, noted);
  return noted;
}
