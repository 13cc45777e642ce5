/** What the word and personal-data rooms find in a text, as findings. */
import { findUnescaped, unescapedStream } from "../unescaped.js";
import type { Detector, Finding } from "../verdict.js";
import type { Span, WordStream } from "../words/index.js";

/** A detector of texts over a matcher's two doors: a whole text, and one that comes in pieces. */
export function spanDetector(version: string, find: (text: string) => Span[], stream: () => WordStream): Detector {
  return {
    version,
    reads: ["text"],
    isCostly: false,
    look: async (subject) => (subject.kind === "text" ? findUnescaped(subject.text, find, stream).map(finding) : []),
    watch() {
      const pieces = unescapedStream(stream);
      return {
        push(chunk) {
          const { ready, spans } = pieces.push(chunk);
          return { ready, findings: spans.map(finding) };
        },
        end: () => pieces.end().spans.map(finding),
      };
    },
  };
}

/** Severities 1 to 5 are the scores 0.6 to 1: half a certainty, the threshold without a rule, is below them all. */
function finding({ start, end, category, word, severity }: Span): Finding {
  return { category, score: Math.min(1, 0.5 + severity / 10), reason: word, span: { start, end } };
}
