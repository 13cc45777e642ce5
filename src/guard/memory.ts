/** What costly detectors found in pictures and texts that were seen before, by digest and the detector's version. */
import { createHash } from "node:crypto";
import type { Finding, Subject } from "./verdict.js";

/** A digest and a few findings each: some tens of MB when full. */
const maxEntries = 65_536;

export class VerdictMemory {
  /** Least recently used first. */
  readonly #found = new Map<string, readonly Finding[]>();

  /** @param guard its name and version. Failures are not remembered. */
  async remember(
    guard: string,
    subject: Subject,
    look: () => Promise<readonly Finding[]>,
  ): Promise<readonly Finding[]> {
    const key = `${guard} ${keyOf(subject)}`;
    const findings = this.#found.get(key) ?? (await look());
    this.#found.delete(key);
    this.#found.set(key, findings);
    if (this.#found.size > maxEntries) this.#found.delete(this.#found.keys().next().value!);
    return findings;
  }
}

function keyOf(subject: Subject): string {
  if (subject.kind === "picture") return `picture ${subject.digest} ${subject.view} ${subject.frame ?? ""}`;
  return `text ${textDigest(subject.text)}`;
}

export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
