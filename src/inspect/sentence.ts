/** A sentence of the program's for reports: its English, and what it was made of, from which pages say it in other languages. */
import type { Sentence, SentenceCode, SentenceValues } from "./page/page-data.js";

export function sentence<C extends SentenceCode>(code: C, values: SentenceValues[C], text: string): Sentence {
  return { code, values, text } as Sentence;
}
