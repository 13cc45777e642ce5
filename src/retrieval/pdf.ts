/**
 * A PDF as pictures, page by page, with the text beside each. PDFium, compiled to WebAssembly, draws them: whatever a
 * hostile file does stays in its sandbox, and in a thread of its own that is ended when a page takes too long.
 */
import { Worker } from "node:worker_threads";
import { invariant, OcellusError, threadScript, throwIfAborted } from "../core/base/index.js";
import type { RgbImage } from "../core/image/spec/index.js";

export interface PdfPage {
  readonly text: string;
  readonly image: RgbImage;
}

export type PdfTask =
  | { readonly kind: "open"; readonly bytes: Uint8Array }
  | { readonly kind: "page"; readonly number: number; readonly maxSide: number };

export interface PdfAnswer {
  readonly numPages?: number;
  readonly page?: PdfPage;
  readonly failure?: string;
}

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
  readonly #thread: PdfThread;
  readonly #source: string;

  private constructor(thread: PdfThread, source: string, numPages: number) {
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
    const thread = new PdfThread();
    try {
      const { numPages, failure } = await thread.ask({ kind: "open", bytes });
      if (numPages === undefined) throw unreadable(source, failure);
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
    throwIfAborted(signal);
    const { page, failure } = await this.#thread.ask({ kind: "page", number, maxSide });
    throwIfAborted(signal);
    if (!page) throw unreadable(`${this.#source}, page ${number}`, failure);
    return { ...page, text: page.text.replaceAll("\r\n", "\n").trim() };
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}

/** One question at a time. */
class PdfThread {
  readonly #worker = new Worker(threadScript("pdf-worker", import.meta.url));
  #settle: ((answer: PdfAnswer) => void) | undefined;

  constructor() {
    this.#worker.on("message", (answer: PdfAnswer) => this.#settle?.(answer));
    this.#worker.on("error", (error) => this.#settle?.({ failure: error.message }));
  }

  async ask(task: PdfTask): Promise<PdfAnswer> {
    invariant(!this.#settle, "a PDF thread is asked one thing at a time");
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<PdfAnswer>((resolve) => {
        this.#settle = resolve;
        timer = setTimeout(() => resolve({ failure: `it took longer than ${patienceMs / 1000} s` }), patienceMs);
        this.#worker.postMessage(task);
      });
    } finally {
      clearTimeout(timer);
      this.#settle = undefined;
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function unreadable(source: string, failure = "unknown reason"): OcellusError {
  return new OcellusError("invalid_file", `${source}: the PDF cannot be read: ${failure}`, {
    details: { source, format: "pdf", reason: failure },
  });
}
