/**
 * Pseudonyms for values that a policy redacts with `"pseudonym": true`: the model reads `[phone_3f2a9c41]`, and where it
 * repeats that, the caller gets the value back. A pseudonym is an HMAC under a random key of this process over the caller, the
 * beginning of the conversation and the value: nothing is stored between requests, a client that sends its history again gets
 * the same pseudonyms (and so the cached prefix of its prompt), and two callers or conversations share none. Only values of
 * the request itself are put back, so a pseudonym that somebody writes by hand shows nothing of others.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { Finding, Guard, TextWatch } from "./verdict.js";

/** Brackets around a kind (the last part of a category, at most 40 characters) and 32 bits of the HMAC. */
const pattern = /\[[a-z0-9_-]{1,49}\]/g;
const begun = /\[[a-z0-9_-]{0,49}$/;
const maxLength = 51;
const processKey = randomBytes(32);

export class Pseudonyms {
  readonly #scope: readonly unknown[];
  #key: Buffer | undefined;
  readonly #values = new Map<string, string>();

  /** @param opening the texts that a conversation keeps at its beginning */
  constructor(caller: string, opening: readonly string[]) {
    this.#scope = [caller, opening];
  }

  /** For a value of the prompt; no two values of a request share one. */
  readonly hide = (category: string, written: string): string => {
    const value = plainOf(written);
    for (let attempt = 0; ; attempt++) {
      const pseudonym = this.#derive(category, value, attempt);
      const holder = this.#values.get(pseudonym) ?? value;
      if (holder !== value) continue; // one of four billion
      this.#values.set(pseudonym, value);
      return pseudonym;
    }
  };

  /** For a value of the answer: it is put back only where the prompt had it too. */
  readonly name = (category: string, written: string): string => this.#derive(category, plainOf(written), 0);

  /** Finds the pseudonyms of the prompt in the answer, to be replaced by their values; undefined where there are none. */
  restoring(): Guard | undefined {
    if (this.#values.size === 0) return undefined;
    const watch = () => this.#watch();
    const judge = (findings: readonly Finding[]) => ({
      verdict: "redact" as const,
      findings: findings.map((found) => ({
        ...found,
        action: "redact" as const,
        restored: this.#values.get(found.reason)!,
      })),
    });
    return {
      ...{ name: "pseudonyms", version: "1", stage: "output", reads: ["text"] },
      check: async (subject) => judge(subject.kind === "text" ? watch().push(subject.text).findings : []),
      ...{ watch, judge, failure: () => judge([]) },
    };
  }

  #watch(): TextWatch {
    let held = "";
    let ready = 0;
    return {
      push: (chunk) => {
        const text = held + chunk;
        const tail = text.slice(-maxLength);
        const open = begun.exec(tail)?.index ?? tail.length;
        const found = [...text.matchAll(pattern)].map(({ 0: pseudonym, index }) =>
          this.#found(pseudonym, ready + index),
        );
        held = tail.slice(open);
        ready += text.length - held.length;
        return { ready, findings: found.filter((finding) => finding !== undefined) };
      },
      end: () => [],
    };
  }

  /** In a string of JSON a quotation mark or a line break would end it, and prose and JSON look alike here: they stay hidden. */
  #found(pseudonym: string, start: number): Finding | undefined {
    const value = this.#values.get(pseudonym);
    if (value === undefined || /["\\\p{Cc}\p{Cs}]/u.test(value)) return undefined;
    const span = { start, end: start + pseudonym.length };
    return { category: "pseudonym", score: 1, reason: pseudonym, span };
  }

  #derive(category: string, value: string, attempt: number): string {
    this.#key ??= hmac(processKey, this.#scope); // the opening may be long, the values many
    return `[${kindOf(category)}_${hmac(this.#key, [value, attempt]).toString("hex", 0, 4)}]`;
  }
}

function hmac(key: Buffer, parts: readonly unknown[]): Buffer {
  return createHmac("sha256", key).update(JSON.stringify(parts)).digest();
}

/** Where there is no answer to put a value back into, or for a log. */
export function kindAlone(category: string): string {
  return `[${kindOf(category)}]`;
}

function kindOf(category: string): string {
  return category.slice(category.indexOf("/") + 1);
}

/** What a value means where it is in JSON with escapes. */
function plainOf(written: string): string {
  if (!written.includes("\\")) return written;
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    return written; // no JSON
  }
}
