/**
 * Where the leaves of a JSON text stand: strings, numbers, true, false and null, by their JSON pointer [RFC 6901]. The text may
 * be cut short; a value that it cuts is left out. One pass, no recursion: an answer may be nested as deep as it is long. Leaves
 * whose pointer would be longer than `maxPointer` are left out: all pointers together would have the square of its length.
 */
import { escapePointer } from "./pointer.js";

export interface Leaf {
  readonly pointer: string;
  readonly keys: readonly string[];
  readonly start: number;
  readonly end: number;
}

const maxPointer = 1024;

interface Container {
  readonly isObject: boolean;
  readonly pointer: string;
  key: string;
  index: number;
}

const word = /[-+.\w]+/y;

/** @param text one character a byte. @param isWhole whether its end is the end of a number. */
export function leavesOf(text: string, isWhole: boolean): Leaf[] {
  const leaves: Leaf[] = [];
  const stack: Container[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    const inside = stack.at(-1);
    if (char === '"' || !isLayout(char)) {
      const end = char === '"' ? stringEnd(text, at) : wordEnd(text, at);
      if (end === undefined || (end === text.length && char !== '"' && !isWhole)) break;
      if (expectsName) inside!.key = readString(text.slice(at, end)) ?? "";
      else leaves.push(...leafAt(stack, at, end));
      expectsName = false;
      at = end;
      continue;
    }
    if (char === "{" || char === "[")
      stack.push({ isObject: char === "{", pointer: pointerIn(inside), key: "", index: 0 });
    else if (char === "}" || char === "]") stack.pop();
    else if (char === "," && inside) inside.index++;
    if (char === "{" || char === ",") expectsName = stack.at(-1)?.isObject === true;
    else if (char !== ":" && char.trim() !== "") expectsName = false;
    at++;
  }
  return leaves;
}

function leafAt(stack: readonly Container[], start: number, end: number): Leaf[] {
  const pointer = pointerIn(stack.at(-1));
  if (pointer.length > maxPointer) return [];
  return [{ keys: stack.map(keyIn), pointer, start, end }];
}

function keyIn({ isObject, key, index }: Container): string {
  return isObject ? key : String(index);
}

/** Of the next value in it. */
function pointerIn(container: Container | undefined): string {
  return container ? `${container.pointer}/${escapePointer(keyIn(container))}` : "";
}

function isLayout(char: string): boolean {
  return "{}[],:".includes(char) || char.trim() === "";
}

/** Behind the closing quotation mark; undefined where there is none. */
function stringEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function wordEnd(text: string, start: number): number | undefined {
  word.lastIndex = start;
  const found = word.exec(text);
  return found ? start + found[0].length : undefined;
}

/** The value of a JSON text of one character a byte; undefined where it is none. */
function readString(bytes: string): string | undefined {
  const value = readValue(bytes);
  return typeof value === "string" ? value : undefined;
}

export function readValue(bytes: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0))));
  } catch {
    return undefined;
  }
}
