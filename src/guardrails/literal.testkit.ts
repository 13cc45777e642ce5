/** A detector for tests: words as they stand, each with its category. */
import type { Detector, Finding, TextWatch } from "./verdict.js";

/** Reports them as late as it may. */
export function literal(words: Readonly<Record<string, string>>): Detector {
  const longest = Math.max(...Object.keys(words).map(({ length }) => length));
  const find = (text: string): Finding[] =>
    Object.entries(words).flatMap(([word, category]) => {
      const found: Finding[] = [];
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
        found.push({ category, score: 1, reason: word, span: { start: at, end: at + word.length } });
      return found;
    });
  return {
    version: "1",
    reads: ["text"],
    remembers: [],
    look: async (subject) => (subject.kind === "text" ? find(subject.text) : []),
    watch(): TextWatch {
      let text = "";
      let told = 0;
      const tell = (ready: number) => {
        const findings = find(text).filter(({ span }) => span!.start >= told && span!.start < ready);
        told = ready;
        return { ready, findings };
      };
      return {
        push(chunk) {
          text += chunk;
          return tell(Math.max(told, text.length - longest + 1));
        },
        end: () => tell(text.length).findings,
      };
    },
  };
}

/** Text cut into pieces of these lengths, and a last one. */
export function piecesOf(text: string, lengths: readonly number[]): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return [...pieces, text.slice(at)];
}
