/**
 * Ways to write text as something else, which a reader, a page or a model turns back: escapes of programs, entities, tags and
 * links of HTML, Markdown and forums, percent signs, base64, the letters of flags and of tags, bopomofo, and strokes between
 * characters. Every piece has a bound, so that a text in pieces is held back no longer. Facts: WHATWG's HTML and URL standards,
 * RFC 4648, Unicode's blocks.
 */
import { pinyinOf } from "./bopomofo.js";
import type { Notation } from "./notation.js";

/** What may be encoded; a run of letters and digits is looked at whole, as it may be base64. */
const pieces =
  /\\(?:u\{[0-9a-fA-F]{1,6}\}|[uU][0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|["\\/])|&(?:amp;){0,3}(?:#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[a-zA-Z]{2,16});?|(?:%[0-9a-fA-F]{2}){1,120}|<(?:!--[^<>]{0,120}|[/!?]?[a-zA-Z][^<>]{0,120})>|\[\/?[a-zA-Z]{1,10}(?:=[^[\]]{0,100})?\](?!\()|\]\([^()\s]{0,200}\)|[\u{e0020}-\u{e007e}\u{1f1e6}-\u{1f1ff}丨丿丶亅乀乁乚\u31c0-\u31e3]|[ㄅ-ㄩ][ㄅ-ㄩˊˇˋ˙ˉ]{0,63}|[A-Za-z0-9+/_-]+={0,2}/gu;
/** What a text's end may be the beginning of, from its first sign to the end. */
const begun =
  /\\(?:u\{?[0-9a-fA-F]{0,6}|U[0-9a-fA-F]{0,3}|x[0-9a-fA-F]?)?$|&(?:amp;){0,3}[#a-zA-Z][0-9a-zA-Z]{0,15}$|&(?:amp;){0,3}$|(?:%[0-9a-fA-F]{2}){0,120}(?:%[0-9a-fA-F]?)?$|<(?:!--[^<>]{0,120}|[/!?]?(?:[a-zA-Z][^<>]{0,120})?|!-)$|\[\/?(?:[a-zA-Z]{1,10}(?:=[^[\]]{0,100})?\]?)?$|\](?:\([^()\s]{0,200})?$|[ㄅ-ㄩ][ㄅ-ㄩˊˇˋ˙ˉ]{0,63}$/y;
/** The longest that `begun` takes. */
const maxBegun = 500;
const startSign = /[\\&%<[\]ㄅ-ㄩ]/;
const runSign = /[A-Za-z0-9+/_-]/;
/** Of four bytes. */
const fewestSigns = 6;
/** A longer run is a file, not a text. */
const maxRun = 1024;

const entities: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ensp: " ", emsp: " ", thinsp: " " },
  ...{ shy: "", zwj: "", zwnj: "", lrm: "", rlm: "", middot: "·", bull: "•", hyphen: "-", dash: "-" },
};

/** Base64 of a text: the first sign of a Chinese character's three bytes is 5 or 6, of two ASCII letters these. */
const base64Start = /^(?:[56]|[Q-WYZa-e](?:[E-HU-Wk-nX0-3]|$))/;
const signOfEncoding =
  /[\\&%<[丨丿丶亅乀乁乚\u31c0-\u31e3ㄅ-ㄩ\u{e0020}-\u{e007e}\u{1f1e6}-\u{1f1ff}]|(?:[56]|[Q-WYZa-e][E-HU-Wk-nX0-3])[A-Za-z0-9+/_-]{4}/u;

/** Whether anything in a text may be encoded: most need no second look. */
export function mayBeEncoded(text: string): boolean {
  return signOfEncoding.test(text);
}

export const encodedNotation: Notation = { pattern: pieces, meaning, open, isRun: (sign) => runSign.test(sign[0]!) };

function meaning(sign: string): string {
  const first = sign.codePointAt(0)!;
  if (first >= 0xe0020 && first <= 0xe007e) return String.fromCharCode(first - 0xe0000);
  if (first >= 0x1f1e6) return String.fromCharCode(97 + first - 0x1f1e6);
  if (first >= 0x3105 && first <= 0x3129) return pinyinOf(sign);
  if (sign[0] === "\\") return ofEscape(sign);
  if (sign[0] === "&") return ofEntity(sign);
  if (sign[0] === "%") return decoded(Buffer.from(sign.replaceAll("%", ""), "hex")) ?? sign;
  if (runSign.test(sign[0]!)) return ofRun(sign);
  return ""; // tags, the end of a link, strokes
}

function ofEscape(sign: string): string {
  if (!/[uUx]/.test(sign[1]!)) return sign[1]!;
  return ofCodePoint(Number.parseInt(sign.replace(/[{}]/g, "").slice(2), 16)) ?? sign;
}

function ofEntity(sign: string): string {
  const name = sign.replace(/^&(?:amp;)*|;$/g, "");
  if (name[0] !== "#") return entities[name] ?? (name === "" ? "&" : sign);
  const isHex = /^#x/i.test(name);
  return ofCodePoint(Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10)) ?? sign;
}

function ofCodePoint(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function ofRun(sign: string): string {
  const plain = sign.replace(/={1,2}$/, "");
  if (plain.length < fewestSigns || plain.length > maxRun || plain.length % 4 === 1 || !base64Start.test(plain))
    return sign;
  return decoded(Buffer.from(plain, "base64")) ?? sign; // takes the signs for addresses too
}

const encodings = ["utf-8", "gb18030"].map((name) => new TextDecoder(name, { fatal: true }));

/** Bytes as a text that people read, or undefined. */
function decoded(bytes: Uint8Array): string | undefined {
  for (const encoding of encodings) {
    try {
      const text = encoding.decode(bytes);
      return /[\p{L}\p{N}\s\p{P}]/u.test(text) && !/[^\P{C}\n\r\t]/u.test(text) ? text : undefined;
    } catch {} // not this encoding
  }
  return undefined;
}

/** Where what may still become a piece, or a longer one, begins. */
function open(text: string): number {
  let at = 0;
  for (const { index, 0: sign } of text.matchAll(pieces)) {
    const begin = firstBegun(text, at, index);
    if (begin < text.length) return begin;
    at = index + sign.length;
    if (at === text.length && runSign.test(sign[0]!))
      return sign.length <= maxRun && base64Start.test(sign) ? index : text.length;
  }
  return Math.min(firstBegun(text, at, text.length - 1), text.length - (isHighSurrogate(text) ? 1 : 0));
}

function isHighSurrogate(text: string): boolean {
  return /[\ud800-\udbff]$/.test(text.slice(-1));
}

/** The first place from `at` to `last` where a piece has begun that is not whole; the text's length for none. */
function firstBegun(text: string, at: number, last: number): number {
  for (let i = Math.max(at, text.length - maxBegun); i <= last; i++) {
    begun.lastIndex = i;
    if (startSign.test(text[i]!) && begun.test(text)) return i;
  }
  return text.length;
}
