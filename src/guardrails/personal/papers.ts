/**
 * Numbers that China's authorities give: ID cards (GB 11643-1999: region, date, serial, ISO 7064 MOD 11-2; of before 1999 15
 * digits without a check), unified social credit codes (GB 32100-2015, MOD 31, around an organisation code of GB 11714),
 * plates of vehicles (GA 36-2018), passports and permits of border crossing (by the words before them).
 */
import { type Confidence, contextOf } from "./evidence.js";
import type { Candidate } from "./numbers.js";

/** GB/T 2260: the first two digits of a region. */
const provinces = new Set(
  "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split(" "),
);
const idLayouts = new Set([
  "18",
  "17",
  "6-8-4",
  "6-8-3",
  "6-4-4-4",
  "6-4-4-3",
  "3-3-4-4-4",
  "6-12",
  "6-11",
  "14-4",
  "14-3",
  "15",
  "6-6-3",
]);
const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** Of 17 digits it is one with the X that follows. */
export function idCard({ digits, layout, isTight, before, after }: Candidate): Confidence | undefined {
  if (isTight || !idLayouts.has(layout) || !provinces.has(digits.slice(0, 2))) return undefined;
  if (digits.length === 15) return isOldId(digits) && contextOf("id_card", before) === "names" ? "certain" : undefined;
  const all = digits.length === 17 && /^[ -]?X(?![A-Za-z\d])/i.test(after) ? `${digits}X` : digits;
  if (all.length !== 18 || !isDate(digits.slice(6, 14))) return undefined;
  const sum = weights.reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
  return all[17] === "10X98765432"[sum % 11] ? "certain" : undefined;
}

function isOldId(digits: string): boolean {
  return isDate(`19${digits.slice(6, 12)}`);
}

function isDate(text: string): boolean {
  const [year, month, day] = [text.slice(0, 4), text.slice(4, 6), text.slice(6, 8)].map(Number);
  const date = new Date(Date.UTC(year!, month! - 1, day));
  return year! >= 1850 && year! < 2100 && date.getUTCMonth() === month! - 1 && date.getUTCDate() === day;
}

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
const creditWeights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const organisationAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const organisationWeights = [3, 7, 9, 10, 5, 8, 4, 2];

export function isCreditCode(text: string): boolean {
  const code = text.toUpperCase();
  if (!/^(?:1[1239]|5[1239]|9[123]|Y1|A1|N[1239])\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(code)) return false;
  if (!provinces.has(code.slice(2, 4)) && !code.startsWith("10", 2)) return false; // 10: the State's own register
  const sum = creditWeights.reduce((total, weight, i) => total + weight * creditAlphabet.indexOf(code[i]!), 0);
  if (creditAlphabet[(31 - (sum % 31)) % 31] !== code[17]) return false;
  const inner = code.slice(8, 16);
  const rest =
    organisationWeights.reduce((total, weight, i) => total + weight * organisationAlphabet.indexOf(inner[i]!), 0) % 11;
  return "0X987654321"[rest] === code[16];
}

export const plateProvinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
export const plateEndings = "学警挂领使港澳";

/** Five letters and digits behind the district's letter, six of electric cars (D or F), or four and a word. */
export function isPlate(text: string): boolean {
  const plain = text.replace(/[ .-]/g, "");
  if (!/^.[A-HJ-Z]/.test(plain)) return false;
  const tail = plain.slice(2);
  if ((tail.match(/\d/g) ?? []).length < 2) return false;
  return /^(?:[A-HJ-NP-Z\d]{5}|[A-K]\d{5}|[A-K][A-HJ-NP-Z]\d{4}|\d{5}[A-K]|[A-HJ-NP-Z\d]{4}[学警挂领使港澳])$/.test(
    tail,
  );
}

/** Only where words say so: a letter and eight digits are many things. */
export function passport(token: string, before: string): Confidence | undefined {
  if (!/^(?:[A-Z]{1,2}\d{6,9}|[A-Z]\d{8}[A-Z]?|\d{9})$/i.test(token)) return undefined;
  return contextOf("passport", before) === "names" ? "certain" : undefined;
}
