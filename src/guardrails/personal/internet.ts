/** E-mail addresses (RFC 5321's lengths; domains end with something that is no file's) and IPv4 addresses that are no versions. */
import { type Confidence, contextOf } from "./evidence.js";

interface Place {
  readonly start: number;
  readonly end: number;
}

const mail =
  /(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/g;
/** Ends of file names that look like a domain's. */
const files =
  /\.(?:png|jpe?g|gif|webp|svg|ico|bmp|tiff?|avif|heic|mp[34]|css|scss|less|js|jsx|mjs|cjs|ts|tsx|json|ya?ml|xml|html?|md|txt|csv|pdf|docx?|xlsx?|pptx?|py|rb|go|java|class|jar|cpp|hpp|exe|dll|tar|gz|rar|log|lock|local|localhost)$/i;

export function mailAddresses(text: string): Place[] {
  if (!text.includes("@")) return [];
  const found = [...text.matchAll(mail)].filter(({ 0: address }) => !files.test(address));
  return found.map(({ index, 0: address }) => ({ start: index, end: index + address.length }));
}

const dotted = /(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.]?\d|[A-Za-z_])/g;
const version = /(?:[A-Za-z]\/|第|版本?|version|\bver|\bv|release|build|章|节|条款|附录|表|图|图表)[ :：.]{0,3}$/i;

/** Four numbers below 256: an address where words say so, or where they are too large for a version's. */
export function ipAddresses(text: string, left: string, next: string): (Place & { confidence: Confidence })[] {
  const places: (Place & { confidence: Confidence })[] = [];
  for (const { index, 0: address } of text.matchAll(dotted)) {
    const parts = address.split(".").map(Number);
    const before = left + text.slice(0, index);
    const end = index + address.length;
    const after = text.slice(end) + next;
    if (parts.some((part) => part > 255) || version.test(before) || /^ ?[条章节款版]/.test(after)) continue;
    if (parts[0] === 0 || parts[0]! >= 224 || /(?:^|\.)0\d/.test(address)) continue; // networks' masks, many at once
    const isNamed = contextOf("ip_address", before) === "names";
    const isLarge = parts.filter((part) => part >= 100).length >= 1 || parts[0] === 10;
    places.push({ start: index, end, confidence: isNamed ? "certain" : isLarge ? "likely" : "weak" });
  }
  return places;
}
