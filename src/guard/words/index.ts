import type { Span, WordRule } from "./rule.js";

export type { Span, WordRule } from "./rule.js";
export function findPersonalData(text: string): Span[] {
  return [...text.matchAll(/(?<!\d)1[3-9]\d{9}(?!\d)/g)].map((m) => ({
    start: m.index,
    end: m.index + 11,
    category: "personal-data",
    word: "mobile number",
    severity: 3,
  }));
}
export function parseWordList(text: string, _format: string, _name: string): WordRule[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => ({ word: line.split(/\s/)[0]!, category: line.split(/\s/)[1] ?? "words" }));
}
export function buildMatcher(rules: readonly WordRule[], _options: object) {
  const find = (text: string): Span[] =>
    rules
      .flatMap(({ word, category }) =>
        [...text.toLowerCase().matchAll(new RegExp(word, "g"))].map((m) => ({
          start: m.index,
          end: m.index + word.length,
          category,
          word,
          severity: 1,
        })),
      )
      .sort((a, b) => a.start - b.start);
  const longest = Math.max(1, ...rules.map(({ word }) => word.length));
  return {
    find,
    stream() {
      let all = "",
        told = 0;
      const tell = (ready: number) => {
        const spans = find(all).filter(({ start }) => start >= told && start < ready);
        told = ready;
        return { ready, spans };
      };
      return {
        push(chunk: string) {
          all += chunk;
          return tell(Math.max(told, all.length - longest + 1));
        },
        end() {
          return tell(all.length);
        },
      };
    },
  };
}
