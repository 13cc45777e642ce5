/** OCR of one server: opened when it is first needed, where its package is installed; the thread is shared by all requests. */
import { ifNotInstalled, loadTextReader, type TextReader } from "../core/ocr/index.js";

export class Ocr {
  readonly #load: () => Promise<TextReader>;
  #opening: Promise<TextReader | undefined> | undefined;

  constructor(load: () => Promise<TextReader> = loadTextReader) {
    this.#load = load;
  }

  /** Undefined where the package is missing. @throws `invalid_file`, `unavailable` where its thread does not start. */
  open(): Promise<TextReader | undefined> {
    this.#opening ??= this.#load()
      .catch(ifNotInstalled)
      .catch((error: unknown) => {
        this.#opening = undefined; // the next request tries again
        throw error;
      });
    return this.#opening;
  }

  /** After what is being read. */
  async close(): Promise<void> {
    const reader = await this.#opening?.catch(() => undefined);
    await reader?.close();
  }
}
