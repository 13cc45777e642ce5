/** When two JSON values are the same, as JSON Schema says for enum and const: by what they hold, not how it is written. */
import { numberText } from "../base/index.js";

/** Equal texts for equal values: the order of members does not count, every digit does. */
export function canonical(value: unknown, digits?: string): string {
  if (typeof value === "number") return canonicalNumber(digits ?? String(value));
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inside = (key: string) => canonicalMember(value, key);
  if (Array.isArray(value)) return `[${Object.keys(value).map(inside).join()}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${inside(name)}`).join()}}`;
}

export function canonicalMember(container: object, key: string): string {
  return canonical((container as Readonly<Record<string, unknown>>)[key], numberText(container, key));
}

/** `1.50`, `15e-1` and `1.5` are the same number: digits without idle zeros, and the power of ten of the last one. */
function canonicalNumber(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const kept = digits.slice(0, lastDigit(digits) + 1);
  if (kept === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - kept.length);
  return `${sign}${kept}e${power}`;
}

/** Index of the last digit that is not zero; by hand, for a pattern would try each zero again. */
function lastDigit(digits: string): number {
  let last = digits.length - 1;
  while (last >= 0 && digits[last] === "0") last--;
  return last;
}
