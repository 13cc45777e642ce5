/**
 * Personal data in text: mobile numbers (mainland China, and international ones with +), ID cards of the People's Republic
 * (GB 11643-1999: ISO 7064 MOD 11-2 checksum and a real date), bank cards (ISO/IEC 7812: Luhn), e-mail addresses, IPv4
 * addresses. Numbers may be written full-width and with spaces or hyphens. Names and postal addresses are not found here.
 */
import type { WordStream } from "./words/matcher.js";
import type { Span } from "./words/rule.js";

interface Kind {
  readonly name: string;
  readonly severity: number;
  readonly pattern: RegExp;
  readonly isReal: (digits: string) => boolean;
}

/** The longest that is looked for, and so held back, in UTF-16 units: an e-mail address (RFC 5321: 64 + 1 + 255). */
const maxLength = 320;
const gap = "[ \\u00a0-]?";
const digitsWithGaps = (from: number, to: number) => `\\d(?:${gap}\\d){${from - 1},${to - 1}}`;
const number = (body: string) => new RegExp(`(?<![\\d.])${body}(?!${gap}\\d)`, "g");
const mail =
  /[a-z0-9](?:[a-z0-9._%+-]{0,62}[a-z0-9_%+-])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}/gi;

/** The first kind that fits a place is what it is. */
const kindList: readonly Kind[] = [
  { name: "id_card", severity: 4, pattern: number(`${digitsWithGaps(17, 17)}${gap}[\\dXx]`), isReal: isIdCard },
  { name: "bank_card", severity: 4, pattern: number(digitsWithGaps(13, 19)), isReal: isBankCard },
  {
    name: "mobile",
    severity: 3,
    pattern: number(`(?:(?:\\+|00)86${gap})?1[3-9]${gap}${digitsWithGaps(9, 9)}`),
    isReal: yes,
  },
  { name: "mobile", severity: 3, pattern: number(`\\+[1-9]${gap}${digitsWithGaps(7, 13)}`), isReal: yes },
  {
    name: "email",
    severity: 2,
    pattern: new RegExp(`(?<![a-z0-9._%+-])${mail.source}(?![a-z0-9-])`, "gi"),
    isReal: yes,
  },
  { name: "ip_address", severity: 2, pattern: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)/g, isReal: isIpAddress },
];

function yes(): boolean {
  return true;
}

/** Places do not overlap; first ones first. */
export function findPersonalData(text: string): Span[] {
  const stream = personalDataStream();
  return [...stream.push(text).spans, ...stream.end().spans];
}

/** In one run of letters, digits and signs, which begins at `offset`. */
function findInRun(run: string, offset: number): Span[] {
  const spans: Span[] = [];
  for (const kind of kindList) {
    for (const { index, 0: found } of run.matchAll(kind.pattern)) {
      const [start, end] = [offset + index, offset + index + found.length];
      if (!kind.isReal(found.replace(/[ \u00a0-]/g, "")) || spans.some((s) => s.start < end && start < s.end)) continue;
      spans.push({ start, end, category: "personal_data", word: kind.name, severity: kind.severity });
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}

/** Full-width letters, digits and signs; each stays one unit, so places stay where they are. */
function halfWidth(text: string): string {
  return text
    .replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0))
    .replaceAll("\u3000", " ");
}

/** What personal data may be made of: letters, digits, signs between them, and a space before a digit. */
const runs = new RegExp(`(?:[a-z0-9._%+@-]|[ \\u00a0](?=\\d|$)){1,${maxLength}}`, "gi");

/**
 * The same of a text in pieces. A run of letters, digits and signs is held back while it may go on; one over the bound is cut
 * there, wherever the pieces were cut, so any chunking finds the same.
 */
export function personalDataStream(): WordStream {
  let held = "";
  let shown = 0;
  const release = (isEnd: boolean) => {
    const plain = halfWidth(held);
    let length = held.length;
    const spans: Span[] = [];
    for (const { index, 0: run } of plain.matchAll(runs)) {
      const isOpen = !isEnd && run.length < maxLength && index + run.length === plain.length;
      if (isOpen) length = index;
      else spans.push(...findInRun(run, shown + index));
    }
    held = held.slice(length);
    shown += length;
    return { ready: shown, spans };
  };
  return {
    push: (chunk) => {
      held += chunk;
      return release(false);
    },
    end: () => release(true),
  };
}

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** GB 11643-1999: region, date of birth, serial number, check character. */
function isIdCard(digits: string): boolean {
  const [year, month, day] = [digits.slice(6, 10), digits.slice(10, 12), digits.slice(12, 14)].map(Number);
  const date = new Date(Date.UTC(year!, month! - 1, day));
  if (year! < 1850 || year! > 2100 || date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day) return false;
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  return digits[17]!.toUpperCase() === "10X98765432"[sum % 11];
}

/** ISO/IEC 7812-1: first digit 2 to 6 or 9 (banks and China UnionPay), check digit by Luhn. */
function isBankCard(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return /^[2-69]/.test(digits) && sum % 10 === 0 && new Set(digits).size > 1;
}

function isIpAddress(text: string): boolean {
  return text.split(".").every((part) => Number(part) <= 255);
}
