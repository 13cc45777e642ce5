/**
 * Bank cards: ISO/IEC 7812 (issuer number, Luhn's check digit), ranges and lengths by scheme as the schemes publish them.
 * Visa and Mastercard own a fifth of all numbers of 16 digits: where neither words nor the way of writing say "card", such a
 * number is as likely another, and its find is a weak one. UnionPay's ranges are narrow enough to stand alone.
 */
import type { Confidence, ContextKind } from "./evidence.js";
import { contextOf } from "./evidence.js";
import type { Candidate } from "./numbers.js";

interface Scheme {
  readonly prefixes: readonly (readonly [from: string, to: string])[];
  readonly lengths: readonly number[];
  /** Where a number is one without any other evidence. */
  readonly isNarrow?: boolean;
}

const one = (...prefixes: string[]) => prefixes.map((prefix) => [prefix, prefix] as const);

const schemes: readonly Scheme[] = [
  { prefixes: one("622", "624", "625", "628"), lengths: [16], isNarrow: true },
  { prefixes: one("620", "621", "622", "623"), lengths: [17, 18, 19], isNarrow: true },
  { prefixes: one("62", "81"), lengths: [16, 17, 18, 19] },
  { prefixes: one("9558", "95599", "436742", "456351", "601382"), lengths: [19], isNarrow: true }, // of before UnionPay
  { prefixes: one("4"), lengths: [13, 16, 19] },
  {
    prefixes: [
      ["51", "55"],
      ["2221", "2720"],
    ],
    lengths: [16],
  },
  { prefixes: one("34", "37"), lengths: [15] },
  { prefixes: [["300", "305"], ...one("3095", "36", "38", "39")], lengths: [14] },
  {
    prefixes: [
      ["6011", "6011"],
      ["644", "649"],
      ["65", "65"],
    ],
    lengths: [16, 19],
  },
  { prefixes: [["3528", "3589"]], lengths: [16] },
  { prefixes: [["2200", "2204"]], lengths: [16], isNarrow: true },
];

/** As banks print and people type them; of one group, or four at a time, or as American Express does. */
const groupings = new Set([
  "4-4-4-4",
  "4-4-4-4-3",
  "4-4-4-4-2",
  "4-4-4-4-1",
  "4-6-5",
  "4-6-4",
  "6-13",
  "6-4-4-4-1",
  "4-4-4-7",
  "4-4-5",
]);
const kind: ContextKind = "bank_card";

export function bankCard({ digits, layout, isTight, before, after, isInTable }: Candidate): Confidence | undefined {
  if (isTight || /^(\d)\1*$/.test(digits) || !isLuhn(digits)) return undefined;
  const own = schemes.filter(
    ({ prefixes, lengths }) => lengths.includes(digits.length) && startsWith(digits, prefixes),
  );
  if (own.length === 0) return undefined;
  const isGrouped = groupings.has(layout);
  if (!isGrouped && layout.includes("-")) return undefined;
  const context = contextOf(kind, before);
  if (context === "denies") return undefined;
  if (context === "names") return "certain";
  if (isInTable) return undefined;
  if (isGrouped || isFollowedByExpiry(after)) return "certain";
  return own.some(({ isNarrow }) => isNarrow) && !/[A-Za-z]$/.test(before) ? "likely" : "weak";
}

function startsWith(digits: string, prefixes: Scheme["prefixes"]): boolean {
  return prefixes.some(([from, to]) => {
    const start = digits.slice(0, from.length);
    return from <= start && start <= to;
  });
}

/** `12/27`, or the three or four digits of a security code, and no more. */
function isFollowedByExpiry(after: string): boolean {
  return /^[ ,]{1,2}(?:(?:0[1-9]|1[0-2]) ?[/-] ?\d{2}(?!\d)|\d{3,4}(?:$|[ ,;](?!\d)))/.test(after);
}

function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const value = Number(digits[digits.length - 1 - i]) * (i % 2 === 1 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}
