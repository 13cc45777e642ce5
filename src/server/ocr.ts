/** OCR of one server: opened when it is first needed, where its package is installed; the thread is shared by all requests. */
import { OcellusError } from "../core/base/index.js";
import { loadTextReader, type TextReader } from "../core/runtime/index.js";

export class Ocr {
  #opening: Promise<TextReader | undefined> | undefined;

  /** Undefined where the package is missing. @throws `invalid_file`. */
  open(): Promise<TextReader | undefined> {
    this.#opening ??= loadTextReader().catch((error: unknown) => {
      if (error instanceof OcellusError && error.code === "unavailable") return undefined;
      this.#opening = undefined; // the next request tries again
      throw error;
    });
    return this.#opening;
  }

  /** After what is being read. */
  async close(): Promise<void> {
    await (await this.#opening)?.close();
  }
}
