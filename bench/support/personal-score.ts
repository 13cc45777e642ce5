/** Counts what a finder finds of the forms and near-misses of personal-forms.ts. */
import type { Span } from "../../src/guardrails/index.js";
import { forms, nearMisses, seeded } from "./personal-forms.js";

type Find = (text: string) => readonly Span[];

export interface RecallRow {
  readonly kind: string;
  readonly numForms: number;
  readonly asked: number;
  /** Of the values, those found whole and as their kind, in percent. */
  readonly recall: number;
  /** Of the finds, those that are a value of their kind, in percent. */
  readonly precision: number;
}

export interface FalseHitRow {
  readonly name: string;
  readonly asked: number;
  readonly percent: number;
  readonly kinds: readonly string[];
}

/** @param count texts for each kind, and ten times as many of each near-miss */
export function measured(find: Find, count: number): { recall: RecallRow[]; falseHits: FalseHitRow[] } {
  return {
    recall: Object.keys(forms).map((kind) => recallOf(find, kind, count)),
    falseHits: Object.keys(nearMisses).map((name) => falseHitsOf(find, name, count * 10)),
  };
}

function recallOf(find: Find, kind: string, count: number): RecallRow {
  const own = forms[kind]!;
  const random = seeded(1);
  let [asked, found, right, numFinds] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const { text, values } = marked(own[i % own.length]!(random));
    const finds = find(text).filter(({ word }) => word === kind);
    const hits = values.filter((value) => finds.some(({ start, end }) => start === value.start && end === value.end));
    asked += values.length;
    found += hits.length;
    numFinds += finds.length;
    right += hits.length;
  }
  const numForms = own.length;
  return { kind, numForms, asked, recall: (100 * found) / asked, precision: (100 * right) / Math.max(1, numFinds) };
}

function falseHitsOf(find: Find, name: string, asked: number): FalseHitRow {
  const random = seeded(2);
  const kinds = new Set<string>();
  let hits = 0;
  for (let i = 0; i < asked; i++) {
    const finds = find(nearMisses[name]!(random));
    for (const { word } of finds) kinds.add(word);
    if (finds.length > 0) hits++;
  }
  return { name, asked, percent: (100 * hits) / asked, kinds: [...kinds] };
}

export function missedForms(find: Find, count: number): string[] {
  return Object.entries(forms).flatMap(([kind, own]) =>
    own.flatMap((form, i) => {
      const random = seeded(3);
      const texts = Array.from({ length: count / 10 }, () => marked(form(random)));
      const missed = texts.filter(({ text, values }) => {
        const finds = find(text).filter(({ word }) => word === kind);
        return !values.every((value) => finds.some(({ start, end }) => start === value.start && end === value.end));
      });
      return missed.length === 0 ? [] : [`${kind} ${i}: ${missed.length} of ${texts.length}: ${missed[0]!.text}`];
    }),
  );
}

/** Takes `[` and `]` out, and tells what stood between; a form that needs brackets itself has round ones. */
function marked(form: string): { text: string; values: { start: number; end: number }[] } {
  let text = "";
  const values: { start: number; end: number }[] = [];
  for (const part of form.split(/([[\]])/)) {
    if (part === "[") values.push({ start: text.length, end: 0 });
    else if (part === "]") values.push({ start: values.pop()!.start, end: text.length });
    else text += part;
  }
  return { text, values: values.filter(({ end }) => end > 0) };
}
