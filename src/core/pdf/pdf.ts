/**
 * A PDF as pictures, page by page, with the text beside each. PDFium, compiled to WebAssembly, draws them: whatever a
 * hostile file does stays in its sandbox, and in a thread of its own that is ended when a page takes too long.
 */
import { OcellusError } from "../base/index.js";
import { TypedWorker } from "../worker/index.js";
import type { PdfMethods, PdfPage } from "./pdf-worker.js";

/** A catalogue or a manual; more is a library, to be split. */
const maxPages = 5000;
/** A scanned book. It is held in memory, twice. */
export const maxPdfBytes = 256 * 2 ** 20;
/** A page with a map of vectors takes seconds; one that takes longer was made to. */
const patienceMs = 60_000;

export function isPdf(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 5)).toString("latin1") === "%PDF-";
}

export class PdfDocument {
  readonly numPages: number;
  readonly #thread: TypedWorker<PdfMethods>;
  readonly #source: string;

  private constructor(thread: TypedWorker<PdfMethods>, source: string, numPages: number) {
    this.#thread = thread;
    this.#source = source;
    this.numPages = numPages;
  }

  /** @throws `invalid_file` (no PDF, damaged, locked by a password), `too_large`. */
  static async open(bytes: Uint8Array, source: string): Promise<PdfDocument> {
    if (bytes.length > maxPdfBytes)
      throw new OcellusError("too_large", `${source}: ${bytes.length} bytes, a PDF may have ${maxPdfBytes}`, {
        details: { source, numBytes: bytes.length, limit: maxPdfBytes },
      });
    const thread = new TypedWorker<PdfMethods>({
      script: ["pdf-worker", import.meta.url],
      name: "a PDF's thread",
      keepsState: true,
      maxCallMs: patienceMs,
      limitError: () => new OcellusError("timeout", `it took longer than ${patienceMs / 1000} s`),
    });
    try {
      const numPages = await thread.call("open", [bytes]).catch((error) => Promise.reject(unreadable(source, error)));
      if (numPages > maxPages)
        throw new OcellusError("too_large", `${source}: ${numPages} pages, at most ${maxPages} are read; split it`, {
          details: { source, numPages, limit: maxPages },
        });
      return new PdfDocument(thread, source, numPages);
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  /** Page `number`, counted from one, at most `maxSide` pixels a side. @throws `invalid_file`, `aborted`. */
  async page(number: number, maxSide: number, signal?: AbortSignal): Promise<PdfPage> {
    const page = await this.#ofPage(number, this.#thread.call("page", [number, maxSide], { signal }), signal);
    return { ...page, text: page.text.replaceAll("\r\n", "\n").trim() };
  }

  /** Its text with places, nothing drawn. @throws as `page`. */
  text(number: number, signal?: AbortSignal) {
    return this.#ofPage(number, this.#thread.call("text", [number], { signal }), signal);
  }

  #ofPage<T>(number: number, work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return work.catch((error) => {
      throw signal?.aborted ? error : unreadable(`${this.#source}, page ${number}`, error);
    });
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}

function unreadable(source: string, cause: unknown): OcellusError {
  if (cause instanceof OcellusError && cause.code === "unavailable") return cause; // PDFium is not installed
  const reason = (cause as Error).message;
  const isLocked = /password/i.test(reason);
  const advice = isLocked ? "; save a copy without a password" : "";
  return new OcellusError("invalid_file", `${source}: the PDF cannot be read: ${reason}${advice}`, {
    details: { source, format: "pdf", reason, isLocked },
    cause,
  });
}
