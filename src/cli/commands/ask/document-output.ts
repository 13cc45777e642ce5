/**
 * What `ocellus read --out` writes: a record of pages that grows by a line of JSON as each is read (json-lines-file.ts). A `.jsonl` output
 * is that record; any other is written from it at the end, and the record beside it is removed.
 */
import { rm } from "node:fs/promises";
import { z } from "zod";
import { OcellusError } from "../../../core/base/index.js";
import { readLines, writeFileAtomically } from "../../../core/fs/index.js";
import type { DocumentPage } from "../../../documents/index.js";
import { JsonLinesFile, withOutputLock } from "../../../evals/index.js";

/** A page may have 200,000 characters, each with escapes. */
const maxLineBytes = 16 * 2 ** 20;
const lineSchema = z.looseObject({ document: z.string(), page: z.int().min(1) });

export class DocumentOutput {
  readonly #out: string;
  readonly #digest: string;
  readonly #record: JsonLinesFile;
  /** Those that are there from earlier runs. */
  readonly pages: ReadonlySet<number>;

  private constructor(out: string, digest: string, record: JsonLinesFile, pages: ReadonlySet<number>) {
    this.#out = out;
    this.#digest = digest;
    this.#record = record;
    this.pages = pages;
  }

  /**
   * @param digest of the document and of how it is read
   * @throws `io`, `invalid_file` when the record is of another document or of other settings, `unavailable` while another process writes it
   */
  static with<T>(out: string, digest: string, body: (output: DocumentOutput) => Promise<T>): Promise<T> {
    return withOutputLock(out, async () => {
      const pages = new Set<number>();
      const onLine = (text: string, origin: string) => void pages.add(pageOf(text, origin, digest));
      const record = await JsonLinesFile.open(recordOf(out), { maxLineBytes, onLine });
      try {
        return await body(new DocumentOutput(out, digest, record, pages));
      } finally {
        await record.close();
      }
    });
  }

  /** Resolves when the page is on the disk. @throws `io`. */
  append(page: DocumentPage): Promise<void> {
    return this.#record.append({ document: this.#digest, ...page });
  }

  /** All pages in their order, if the output is not the record itself. @throws `io`. */
  async finish(write: (page: DocumentPage) => string): Promise<void> {
    const record = recordOf(this.#out);
    if (record === this.#out) return;
    const texts = new Map<number, string>();
    for await (const { text } of readLines(record, maxLineBytes)) {
      const page = JSON.parse(text) as DocumentPage;
      texts.set(page.page, write(page));
    }
    const inOrder = [...texts].sort(([a], [b]) => a - b).map(([, text]) => text);
    await writeFileAtomically(this.#out, `${inOrder.filter((text) => text !== "").join("\n\n")}\n`);
    await rm(record);
  }
}

function recordOf(out: string): string {
  return out.endsWith(".jsonl") ? out : `${out}.pages.jsonl`;
}

function pageOf(text: string, origin: string, digest: string): number {
  const found = lineSchema.safeParse(json(text));
  if (found.success && found.data.document === digest) return found.data.page;
  const what = found.success ? "a page of another document, or read with other options" : "something else";
  throw new OcellusError(
    "invalid_file",
    `${origin}: expected a page of this document, found ${what}; the file is not changed: choose another --out, or remove it`,
    { details: { origin } },
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
