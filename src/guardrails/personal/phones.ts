/**
 * Telephone numbers: mobile ones of mainland China (GB/T 15120's 1[3-9]), its landlines with their area code, and those of other
 * countries with `+`. What is a number of a country is judged by libphonenumber's metadata.
 */
import { createRequire } from "node:module";
import type { CountryCode } from "libphonenumber-js/max";
import { type Confidence, contextOf } from "./evidence.js";
import type { Candidate } from "./numbers.js";

type PhoneNumbers = typeof import("libphonenumber-js/max");
let phoneNumbers: PhoneNumbers | undefined;

/** Ninety modules and the numbers of all countries: for those who look for telephone numbers, before the first. */
export function loadPhoneNumbers(): PhoneNumbers {
  phoneNumbers ??= createRequire(import.meta.url)("libphonenumber-js/max") as PhoneNumbers;
  return phoneNumbers;
}

function isValidPhoneNumber(digits: string, country?: CountryCode): boolean {
  return loadPhoneNumbers().isValidPhoneNumber(digits, country);
}

const mobileLayouts = new Set(
  "11 3-4-4 3-8 7-4 4-3-4 3-3-5 5-6 4-4-3 1-1-1-1-1-1-1-1-1-1-1 3-2-2-2-2 3-4-2-2".split(" "),
);
const landlineLayouts = new Set("3-8 3-7 4-8 4-7 3-4-4 4-4-4 4-3-4 3-3-4 2-8 2-4-4 3-8-4 4-8-4 4-7-4".split(" "));
/** Things are counted by these: no telephone is. Of what follows a run of digits one character is known. */
const measures = /^ ?(?:元|块|金币|金|个|件|万|亿|吨|米|次|字|bytes?\b|kb\b|ms\b|rmb\b|usd\b)/i;

export function phone(candidate: Candidate, text: string): Confidence | undefined {
  if (candidate.isTight && !isCountryCode(candidate)) return undefined;
  const confidence = mobile(candidate) ?? landline(candidate, text) ?? american(candidate);
  if (confidence === undefined || !measures.test(candidate.after)) return confidence;
  return "weak";
}

/** With or without 86 or 0086 before it. */
function mobile({ digits, layout, separator, before }: Candidate): Confidence | undefined {
  const rest = /^(?:00)?86(?=1\d{10}$)/.exec(digits);
  const own = rest ? digits.slice(rest[0].length) : digits;
  if (!/^1[3-9]\d{9}$/.test(own)) return undefined;
  const written = rest ? layout.replace(/^(?:86|2|4)-(?=.)/, "").replace(/^1[35]$/, "11") : layout;
  if (!mobileLayouts.has(written) && !mobileLayouts.has(layout)) return undefined;
  const context = contextOf("phone", before);
  if (context === "denies") return "weak";
  if (context === "names") return "certain";
  return layout === "11" || separator !== undefined || rest ? "likely" : "weak";
}

/** The area code divided from the rest, in brackets perhaps; in one piece where words say telephone. */
function landline({ digits, layout, start, before, after }: Candidate, text: string): Confidence | undefined {
  const area = layout.length > 2 ? Number(layout.split("-")[0]) : 0;
  const isLong = /^0\d{9,11}$/.test(digits);
  const isExtended = /-(?:8|7)-4$/.test(layout);
  const own = isExtended ? digits.slice(0, -4) : digits;
  if (!isLong && !isExtended) return undefined;
  if (area < 3 ? contextOf("phone", before) !== "names" : !landlineLayouts.has(layout)) return undefined;
  if (/^0?$/.test(own) || /^[-._]\d/.test(after) || !isValidPhoneNumber(own, "CN")) return undefined;
  if (contextOf("phone", before) === "denies") return "weak";
  return text[start - 1] === "-" ? undefined : "likely";
}

/** `415-555-2671` where words say telephone: numbers of North America are often written without their code. */
function american({ digits, layout, before }: Candidate): Confidence | undefined {
  if (digits.length !== 10 || layout !== "3-3-4" || contextOf("phone", before) !== "names") return undefined;
  return isValidPhoneNumber(digits, "US") ? "likely" : undefined;
}

/** `86-138…`: the code before, not a part of something longer. */
function isCountryCode({ before }: Candidate): boolean {
  return /(?:^|[^\d.-])(?:00)?86-$/.test(before);
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** With `+` and a country's code, or with brackets around the area code. */
export function internationalPhones(text: string): Place[] {
  const places: Place[] = [];
  for (const { index: start, 0: run } of text.matchAll(/(?<![\w+])(?:\+|\(0?\d{2,3}\) ?)\d?[\d ().-]{0,24}/g)) {
    for (const end of endsOfGroups(run)) {
      const digits = run.slice(0, end).replace(/[^+\d]/g, "");
      const isOne = run.startsWith("+")
        ? isValidPhoneNumber(digits)
        : isValidPhoneNumber(digits, digits.startsWith("0") ? "CN" : "US");
      if (!isOne) continue;
      places.push({ start, end: start + end });
      break;
    }
  }
  return places;
}

/** The longest first. */
function endsOfGroups(run: string): number[] {
  return [...run.matchAll(/\d+/g)].map(({ index, 0: digits }) => index + digits.length).reverse();
}
