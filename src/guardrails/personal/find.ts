/**
 * Personal data in text: telephone numbers, bank cards, ID cards, social credit codes, plates, passports, e-mail and IP
 * addresses, names and postal addresses, and what a policy's own patterns describe. Each kind is a category of its own
 * (`personal_data/phone`), each find says how sure it is; how well that works is in docs/guards.md, by `npm run bench --
 * personal`. What one find may be made of (a run of letters, digits and signs, or what follows a word such as 地址) is held
 * back in a stream until it ends, at a bounded length.
 */
import { RE2JS } from "re2js";
import type { WordStream } from "../words/matcher.js";
import type { Span } from "../words/rule.js";
import { bankCard } from "./cards.js";
import { type Confidence, contextLength, scores } from "./evidence.js";
import { ipAddresses, mailAddresses } from "./internet.js";
import { type Candidate, candidatesIn } from "./numbers.js";
import { idCard, isCreditCode, isPlate, passport, plateEndings, plateProvinces } from "./papers.js";
import { addressLength, englishNameLength, nameLength, peoplePatterns } from "./people.js";
import { internationalPhones, loadPhoneNumbers, phone } from "./phones.js";
import { Compact, folded } from "./writing.js";

export const personalKinds = [
  ...["phone", "bank_card", "id_card", "credit_code", "plate", "passport", "email", "ip_address", "name", "address"],
] as const;

export interface PersonalDataOptions {
  /** Default: all. */
  readonly kinds?: readonly (typeof personalKinds)[number][] | undefined;
  /** Own kinds, by name: patterns in RE2's syntax, which takes linear time; each sees one run of letters, digits and signs. */
  readonly patterns?: Readonly<Record<string, string>>;
  /** Whether weak finds are reported too, with a score of 0.4: a number that is as likely something else. */
  readonly weak?: boolean;
}

interface Found {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
  readonly confidence: Confidence;
}

/** The longest that is looked for, and so held back, in UTF-16 units: an e-mail address (RFC 5321: 64 + 1 + 255). */
const maxLength = 320;

const number = `(?! )(?:[A-Za-z0-9._%+@()[\\]{}/\\u200b-]|[${plateProvinces}](?=\\u200b?(?:[A-Za-z]|$))|(?<=[A-Za-z0-9]{4})[${plateEndings}]| (?=[\\d([{+-]|$)|(?<=[)\\]}-]) (?=[A-Za-z0-9])){1,${maxLength}}`;
/** In the order in which they are tried at a place. */
const regions = {
  name: peoplePatterns.name,
  englishName: peoplePatterns.englishName,
  address: peoplePatterns.address,
  province: peoplePatterns.province,
  open: peoplePatterns.provinceBegins,
  number,
};
const region = new RegExp(
  Object.entries(regions)
    .map(([name, source]) => `(?<${name}>${source})`)
    .join("|"),
  "g",
);

export class PersonalData {
  readonly #patterns: readonly (readonly [name: string, pattern: RE2JS])[];
  readonly #reportsWeak: boolean;
  readonly #wanted: ReadonlySet<string>;

  /** @throws RE2JS's error for a pattern with a `patternProblem`. */
  constructor({ kinds = personalKinds, patterns = {}, weak = false }: PersonalDataOptions = {}) {
    this.#patterns = Object.entries(patterns).map(([name, source]) => [name, RE2JS.compile(source)] as const);
    this.#reportsWeak = weak;
    this.#wanted = new Set([...kinds, ...Object.keys(patterns)]);
    if (this.#wanted.has("phone")) loadPhoneNumbers(); // now, and not while a request waits
  }

  /** Places do not overlap; first ones first. */
  readonly find = (text: string): Span[] => {
    const stream = this.stream();
    return [...stream.push(text).spans, ...stream.end().spans];
  };

  /** The same of a text in pieces, under any cutting. */
  stream(): WordStream {
    let held = "";
    let left = "";
    let shown = 0;
    const release = (isEnd: boolean) => {
      const last = held.charCodeAt(held.length - 1);
      const whole = !isEnd && last >= 0xd800 && last <= 0xdbff ? held.slice(0, -1) : held; // half of what may be a digit
      const plain = left + folded(whole);
      let ready = plain.length;
      const spans: Span[] = [];
      region.lastIndex = left.length;
      for (let match = region.exec(plain); match; match = region.exec(plain)) {
        if (!isEnd && region.lastIndex === plain.length) {
          ready = match.index;
          break;
        }
        const { found, end } = this.#findInRegion(match, plain);
        for (const each of found) spans.push(spanOf(each, shown - left.length));
        region.lastIndex = end;
      }
      shown += ready - left.length;
      held = held.slice(ready - left.length);
      left = plain.slice(Math.max(0, ready - contextLength), ready);
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

  /** What a region holds, and where to look on: behind what was found in it. */
  #findInRegion({ 0: text, index, groups = {} }: RegExpExecArray, plain: string): { found: Found[]; end: number } {
    if (groups.number !== undefined) return { found: this.#findInRun(text, index, plain), end: index + text.length };
    const [kind, length] = this.#lengthOfPlaceOrName(groups, index, plain);
    if (length === 0 || !this.#wanted.has(kind)) return { found: [], end: index + 1 };
    return { found: [{ start: index, end: index + length, kind, confidence: "likely" }], end: index + length };
  }

  #lengthOfPlaceOrName(groups: Readonly<Record<string, string>>, index: number, plain: string): [string, number] {
    const { name, englishName, address, province } = groups;
    if (name !== undefined) return ["name", nameLength(name)];
    if (englishName !== undefined) return ["name", englishNameLength(englishName)];
    const text = address ?? province ?? "";
    const [number] = this.#findInRun(text, index, plain); // a telephone behind an address is none of it
    const own = number ? text.slice(0, number.start - index) : text;
    return ["address", addressLength(own, address !== undefined)];
  }

  #findInRun(run: string, start: number, plain: string): Found[] {
    const compact = new Compact(run);
    const left = plain.slice(Math.max(0, start - contextLength), start).replaceAll("\u200b", "");
    const next = plain[start + run.length] ?? "";
    const all = this.#allIn(compact.text, left, next).filter(
      ({ kind, confidence }) => this.#wanted.has(kind) && (this.#reportsWeak || confidence !== "weak"),
    );
    return withoutOverlap(all).map((found) => ({
      ...found,
      start: start + compact.start(found.start),
      end: start + compact.end(found.end),
    }));
  }

  #allIn(text: string, left: string, next: string): Found[] {
    const found: Found[] = [];
    const add = (kind: string, { start, end }: { start: number; end: number }, confidence: Confidence | undefined) => {
      if (confidence) found.push({ start, end, kind, confidence });
    };
    for (const [name, pattern] of this.#patterns)
      for (const place of ownPlaces(pattern, text)) add(name, place, "certain");
    for (const place of mailAddresses(text)) add("email", place, "certain");
    if (!/\d/.test(text)) return found;
    for (const place of internationalPhones(text)) add("phone", place, "certain");
    for (const place of ipAddresses(text, left, next)) add("ip_address", place, place.confidence);
    for (const candidate of candidatesIn(text, left, next)) {
      const id = idCard(candidate);
      add("id_card", { ...candidate, end: candidate.end + lengthOfX(candidate) }, id);
      add("bank_card", candidate, bankCard(candidate));
      add("phone", withPlus(candidate, text), phone(candidate, text));
    }
    for (const { index, 0: token } of text.matchAll(/[A-Za-z\d]+/g)) {
      const [place, before] = [{ start: index, end: index + token.length }, left + text.slice(0, index)];
      add("passport", place, passport(token, before));
      if (token.length === 18 && isCreditCode(token)) add("credit_code", place, "certain");
    }
    for (const { index, 0: plate } of text.matchAll(plates))
      if (isPlate(plate)) add("plate", { start: index, end: index + plate.length }, "likely");
    return found;
  }
}

const plates = new RegExp(
  `[${plateProvinces}][A-HJ-Z][ .-]?(?:[A-Z\\d]{4}[${plateEndings}]|[A-Z\\d]{5,6})(?![A-Za-z\\d])`,
  "g",
);

function withPlus({ start, end }: Candidate, text: string): { start: number; end: number } {
  return { start: text[start - 1] === "+" ? start - 1 : start, end };
}

function lengthOfX({ digits, after }: Candidate): number {
  return digits.length === 17 ? (/^[ -]?X/i.exec(after)?.[0].length ?? 0) : 0;
}

function* ownPlaces(pattern: RE2JS, text: string): Generator<{ start: number; end: number }> {
  const matcher = pattern.matcher(text);
  while (matcher.find()) if (matcher.end() > matcher.start()) yield { start: matcher.start(), end: matcher.end() };
}

/** The surest, then the longest, first. */
function withoutOverlap(all: readonly Found[]): Found[] {
  const order = [...all].sort(
    (a, b) => scores[b.confidence] - scores[a.confidence] || b.end - b.start - (a.end - a.start) || a.start - b.start,
  );
  const taken: Found[] = [];
  for (const found of order)
    if (!taken.some(({ start, end }) => start < found.end && found.start < end)) taken.push(found); // of one run: a few dozen
  return taken.sort((a, b) => a.start - b.start);
}

function spanOf({ start, end, kind, confidence }: Found, by: number): Span {
  const place = { start: start + by, end: end + by };
  return {
    ...place,
    category: `personal_data/${kind}`,
    word: kind,
    severity: severities[confidence],
    score: scores[confidence],
  };
}

/** Why a pattern cannot be used; undefined: it can. */
export function patternProblem(source: string): string | undefined {
  try {
    RE2JS.compile(source);
    return undefined;
  } catch (error) {
    return `not a pattern of RE2: ${error instanceof Error ? error.message : error}`;
  }
}

const severities = { certain: 4, likely: 3, weak: 1 } as const;

const usual = new PersonalData();
export const findPersonalData = usual.find;
export const personalDataStream = () => usual.stream();
