/** What costly detectors found in pictures and texts that were seen before, by digest and the detector's version. */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { defaultLogBytes, FindingsLog, type FoundByKey } from "./findings-log.js";
import type { Finding, Subject } from "./verdict.js";

/** A digest and a few findings each: some tens of MB when full. */
const maxEntries = 65_536;

export interface VerdictMemoryOptions {
  /** Where findings are kept over a restart; absent: they are not. */
  readonly file?: string | undefined;
  readonly maxBytes?: number;
  /** Told once when the file is of no use; everything continues without it. */
  readonly onProblem?: ((message: string) => void) | undefined;
}

export class VerdictMemory {
  readonly #options: VerdictMemoryOptions;
  readonly #found: FoundByKey = new LRUCache({ max: maxEntries });
  #hasFailed = false;
  #log: Promise<FindingsLog | undefined> | undefined;

  constructor(options: VerdictMemoryOptions = {}) {
    this.#options = options;
  }

  /** @param guard its name and version. Failures are not remembered. */
  async remember(
    guard: string,
    subject: Subject,
    look: () => Promise<readonly Finding[]>,
  ): Promise<readonly Finding[]> {
    this.#log ??= this.#open(); // for the first costly guard: most policies have none
    const log = await this.#log;
    const key = `${guard} ${keyOf(subject)}`;
    const known = this.#found.get(key);
    const findings = known ?? (await look());
    this.#found.set(key, findings);
    if (!known) log?.append(key, findings, (cause) => this.#fail(cause));
    return findings;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await (await this.#log)?.close();
  }

  async #open(): Promise<FindingsLog | undefined> {
    const { file, maxBytes = defaultLogBytes } = this.#options;
    if (file === undefined) return undefined;
    return FindingsLog.open(file, maxBytes, this.#found).catch((cause: unknown) => {
      this.#fail(cause);
      return undefined;
    });
  }

  #fail(cause: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#options.onProblem?.(`what guards found is not kept in ${this.#options.file}: ${why}`);
  }
}

export function keyOf(subject: Subject): string {
  if (subject.kind === "image") return `image ${subject.digest} ${subject.view} ${subject.frame ?? ""}`;
  return `text ${textDigest(subject.text)}`;
}

export function textDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
