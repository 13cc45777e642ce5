/** What the word and personal-data rooms find in a text, as findings. */
import { setImmediate as breathe } from "node:timers/promises";
import { TypedWorker } from "../../core/worker/index.js";
import type { Finder } from "../unescaped.js";
import type { Detector, Finding } from "../verdict.js";
import type { Span } from "../words/index.js";
import type { TextWorkerData, TextWorkerMethods } from "./text-worker.js";

/** In UTF-16 units: some milliseconds; longer texts are read on a thread, which starts with the first of them. */
const shortText = 2 ** 14;
/** Of short texts, after which the event loop has its turn. */
const mostAtOnce = 2 ** 16;

/**
 * A detector of texts, whole ones and those that come in pieces.
 * @param copy what a thread makes the same matcher from
 */
export function spanDetector(version: string, finder: Finder, copy: TextWorkerData): Detector {
  const worker = new TypedWorker<TextWorkerMethods>({
    script: ["text-worker", import.meta.url],
    name: "the guardrails' thread",
    data: copy,
  });
  return {
    version,
    reads: ["text"],
    remembers: [],
    async look(subject, signal) {
      if (subject.kind !== "text") return [];
      const { text } = subject;
      if (text.length > shortText) return (await worker.call("find", [text], { signal })).map(finding);
      await turn(text.length);
      return finder.find(text).map(finding);
    },
    watch() {
      const pieces = finder.stream();
      return {
        push(chunk) {
          const { ready, spans } = pieces.push(chunk);
          return { ready, findings: spans.map(finding) };
        },
        end: () => pieces.end().spans.map(finding),
      };
    },
    close: () => worker.close(),
  };
}

let readSinceTurn = 0;

/** Many short texts are as long as a long one: now and then others have their turn. */
async function turn(length: number): Promise<void> {
  readSinceTurn += length;
  if (readSinceTurn < mostAtOnce) return;
  readSinceTurn = 0;
  await breathe();
}

/** Severities 1 to 5 are the scores 0.6 to 1: half a certainty, the threshold without a rule, is below them all. */
function finding({ start, end, category, word, severity, score }: Span): Finding {
  return { category, score: score ?? Math.min(1, 0.5 + severity / 10), reason: word, span: { start, end } };
}
