/**
 * Mobile and ID-card numbers, bank cards, e-mail addresses, where they stand. A text that is being written is looked at run
 * by run: a run is what can be one number or address, so that clean text is held back for a word at most.
 */

import type { Detector, Finding, TextWatch } from "../verdict.js";
import { findPersonalData } from "../words/index.js";

/** An e-mail address has at most 254 characters; a run that is longer is looked at in pieces of this length. */
const maxRun = 512;

const partOfRun = /[\p{Script=Latin}\p{Nd}\p{Mn}\p{Cf}._%+\-@()（）＠．－]/u;
const digit = /\p{Nd}/u;
const space = /[^\S\n]/u;

export function openPersonalData(): Detector {
  return {
    version: "personal-data-1",
    reads: ["text"],
    isCostly: false,
    async look(subject) {
      if (subject.kind !== "text") return [];
      const watch = new PersonalDataWatch();
      return [...watch.push(subject.text).findings, ...watch.end()];
    },
    watch: () => new PersonalDataWatch(),
  };
}

class PersonalDataWatch implements TextWatch {
  /** The run that has begun. */
  #run = "";
  #start = 0;
  /** A space behind a digit: the run goes on if another digit follows. */
  #gap = "";

  push(chunk: string) {
    const findings: Finding[] = [];
    for (const char of chunk) findings.push(...this.#take(char));
    return { ready: this.#start, findings };
  }

  end(): Finding[] {
    return this.#endRun("");
  }

  #take(char: string): Finding[] {
    if (this.#gap !== "") {
      if (digit.test(char)) this.#run += this.#gap + char;
      this.#gap = digit.test(char) ? "" : this.#gap;
      return this.#gap === "" ? [] : this.#endRun(char);
    }
    if (space.test(char) && /\p{Nd}$/u.test(this.#run)) {
      this.#gap = char;
      return [];
    }
    if (!partOfRun.test(char)) return this.#endRun(char);
    this.#run += char;
    return this.#run.length < maxRun ? [] : this.#endRun("");
  }

  /** Looks at the run; `char` stands behind it, and may begin the next one. */
  #endRun(char: string): Finding[] {
    const [run, start] = [this.#run, this.#start];
    const begins = partOfRun.test(char);
    this.#start += run.length + this.#gap.length + (begins ? 0 : char.length);
    this.#run = begins ? char : "";
    this.#gap = "";
    if (run === "") return [];
    return findPersonalData(run).map(({ start: from, end, category, word }) => ({
      category,
      score: 1,
      reason: word,
      span: { start: start + from, end: start + end },
    }));
  }
}
